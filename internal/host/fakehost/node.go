package fakehost

import (
	"context"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// URI is host.Node.URI.
func (h nodeRequests) URI() string { return "fake:///system" }

const (
	fakeName = "fake"
	fakeUUID = "00000000-0000-4000-8000-000000000001"
)

// Info is host.Node.Info.
func (h nodeRequests) Info(ctx context.Context) (info host.Info, err error) {
	err = h.do(ctx, "Info", "", func() error {
		info = host.Info{
			Hostname: fakeName, UUID: fakeUUID, URI: h.URI(), Arch: "x86_64",
			LibvirtVersion: "9.0.0", HypervisorVersion: h.HasVersion,
			CPUs: 8, MemoryMiB: 64 << 10, FreeMemoryMiB: 32 << 10,
			AvailableMemoryMiB: h.HasMemory, DomainTypes: slices.Clone(h.HasTypes), CPUModel: "EPYC",
		}
		return nil
	})
	return info, err
}

// Self is host.Node.Self.
func (h nodeRequests) Self(ctx context.Context) (id host.Self, err error) {
	err = h.do(ctx, "Self", "", func() error {
		id = host.Self{Hostname: fakeName, UUID: fakeUUID}
		return nil
	})
	return id, err
}

// Networks is host.Node.Networks.
func (h nodeRequests) Networks(ctx context.Context) (all []host.Network, err error) {
	err = h.do(ctx, "Networks", "", func() error {
		all = slices.Clone(h.HasNetworks)
		return nil
	})
	return all, err
}

// Interfaces is host.Node.Interfaces.
func (h nodeRequests) Interfaces(ctx context.Context) (names []string, err error) {
	err = h.do(ctx, "Interfaces", "", func() error {
		names = slices.Clone(h.HasInterfaces)
		return nil
	})
	return names, err
}

// NetworkFilters is host.Node.NetworkFilters.
func (h nodeRequests) NetworkFilters(ctx context.Context) (names []string, err error) {
	err = h.do(ctx, "NetworkFilters", "", func() error {
		names = slices.Clone(h.HasFilters)
		return nil
	})
	return names, err
}

// PCIDevices is host.Node.PCIDevices.
func (h nodeRequests) PCIDevices(ctx context.Context) (all []host.PCIDevice, err error) {
	err = h.do(ctx, "PCIDevices", "", func() error {
		all = slices.Clone(h.HasPCIDevices)
		return nil
	})
	return all, err
}

// Firmwares is host.Node.Firmwares.
func (h nodeRequests) Firmwares(ctx context.Context, domainType string) (names []string, err error) {
	err = h.do(ctx, "Firmwares", domainType, func() error {
		names = slices.Clone(h.HasFirmwares)
		return nil
	})
	return names, err
}
