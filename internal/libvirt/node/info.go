package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/digitalocean/go-libvirt"
	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Self returns how the host calls itself. It makes two requests at once.
func (m *Node) Self(ctx context.Context) (id host.Self, err error) {
	group, ctx := errgroup.WithContext(ctx)
	part := m.parts(ctx, group)
	part(func(l *libvirt.Libvirt) (func(), error) {
		name, err := l.ConnectGetHostname()
		return func() { id.Hostname = name }, err
	})
	part(func(l *libvirt.Libvirt) (func(), error) {
		text, err := l.ConnectGetCapabilities()
		if err != nil {
			return nil, err
		}
		caps, err := parseCapabilities(text)
		return func() { id.UUID = caps.UUID }, err
	})
	return id, group.Wait()
}

// parts returns a function that makes a request of a group, which sets a part of the result.
func (m *Node) parts(ctx context.Context, group *errgroup.Group) func(fn func(*libvirt.Libvirt) (func(), error)) {
	return func(fn func(*libvirt.Libvirt) (func(), error)) {
		group.Go(func() error {
			set, err := patiently(ctx, m, "host information", fn)
			if err == nil {
				set()
			}
			return err
		})
	}
}

// Info returns what the host is and has. It makes six requests at once.
func (m *Node) Info(ctx context.Context) (host.Info, error) {
	info := host.Info{URI: m.client.URI()}
	group, ctx := errgroup.WithContext(ctx)
	part := m.parts(ctx, group)
	part(func(l *libvirt.Libvirt) (func(), error) {
		name, err := l.ConnectGetHostname()
		return func() { info.Hostname = name }, err
	})
	part(func(l *libvirt.Libvirt) (func(), error) {
		v, err := l.ConnectGetLibVersion()
		return func() { info.LibvirtVersion = version(v) }, err
	})
	part(func(l *libvirt.Libvirt) (func(), error) {
		v, err := l.ConnectGetVersion()
		return func() { info.HypervisorVersion = version(v) }, err
	})
	part(func(l *libvirt.Libvirt) (func(), error) {
		_, kib, cpus, _, _, _, _, _, err := l.NodeGetInfo()
		return func() { info.MemoryMiB, info.CPUs = kib>>10, int(cpus) }, err
	})
	part(func(l *libvirt.Libvirt) (func(), error) {
		free, available, err := memoryOf(l)
		return func() { info.FreeMemoryMiB, info.AvailableMemoryMiB = free, available }, err
	})
	part(func(l *libvirt.Libvirt) (func(), error) {
		text, err := l.ConnectGetCapabilities()
		if err != nil {
			return nil, err
		}
		caps, err := parseCapabilities(text)
		return func() {
			info.UUID, info.Arch, info.DomainTypes = caps.UUID, caps.Arch, caps.DomainTypes
			info.CPUModel, info.CPUDigest = caps.CPUModel, caps.CPUDigest
		}, err
	})
	if err := group.Wait(); err != nil {
		return host.Info{}, err
	}
	return info, nil
}

// memoryOf returns how much memory the host has free and available, in MiB. Available is 0 if the host
// does not say.
func memoryOf(l *libvirt.Libvirt) (free, available uint64, err error) {
	const fields = 4 // libvirt refuses another number
	stats, _, err := l.NodeGetMemoryStats(fields, int32(libvirt.NodeMemoryStatsAllCells), 0)
	if _, refused := errors.AsType[libvirt.Error](err); refused {
		free, err = l.NodeGetFreeMemory()
		return free >> 20, 0, err
	}
	for _, s := range stats { // in KiB
		switch s.Field {
		case libvirt.NodeMemoryStatsFree:
			free = s.Value >> 10
			available += free
		case libvirt.NodeMemoryStatsBuffers, libvirt.NodeMemoryStatsCached:
			available += s.Value >> 10
		}
	}
	return free, available, err
}

// version formats libvirt's version number, 1,000,000 × major + 1,000 × minor + release
// (https://libvirt.org/html/libvirt-libvirt-host.html#virGetVersion).
func version(v uint64) string {
	return fmt.Sprintf("%d.%d.%d", v/1_000_000, v/1_000%1_000, v%1_000)
}

// parseCapabilities reads UUID, Arch, the processor and DomainTypes from the XML described at
// https://libvirt.org/formatcaps.html.
func parseCapabilities(text string) (host.Info, error) {
	var doc struct {
		UUID     string `xml:"host>uuid"`
		Arch     string `xml:"host>cpu>arch"`
		Vendor   string `xml:"host>cpu>vendor"`
		Model    string `xml:"host>cpu>model"`
		Features []struct {
			Name string `xml:"name,attr"`
		} `xml:"host>cpu>feature"`
		Guests []struct {
			OSType string `xml:"os_type"`
			Arch   struct {
				Name    string `xml:"name,attr"`
				Domains []struct {
					Type string `xml:"type,attr"`
				} `xml:"domain"`
			} `xml:"arch"`
		} `xml:"guest"`
	}
	if err := virterr.Understand("the host's capabilities", text, &doc); err != nil {
		return host.Info{}, err
	}
	info := host.Info{UUID: doc.UUID, Arch: doc.Arch, CPUModel: doc.Model}
	cpu := []string{doc.Arch, doc.Vendor, doc.Model}
	for _, feature := range doc.Features {
		cpu = append(cpu, feature.Name)
	}
	slices.Sort(cpu[3:])
	sum := sha256.Sum256([]byte(strings.Join(cpu, "\n")))
	info.CPUDigest = hex.EncodeToString(sum[:])
	for _, guest := range doc.Guests {
		if guest.OSType != "hvm" || guest.Arch.Name != doc.Arch {
			continue
		}
		for _, d := range guest.Arch.Domains {
			if !slices.Contains(info.DomainTypes, d.Type) {
				info.DomainTypes = append(info.DomainTypes, d.Type)
			}
		}
	}
	return info, nil
}
