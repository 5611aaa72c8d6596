package container

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// defined is what only the definitions of containers have, as Part of an instance.
type defined struct {
	vcpus     int
	memoryMiB uint64
	lower     string // path of the image, or of the instance's copy of it
	program   string // path of nova-init
	fresh     bool   // what the container writes stays in memory
	memory    uint64 // of which it has so much, bytes
	// devices are the names of the interfaces in the container, by MAC addresses in lower case.
	devices map[string]string
}

func definedOf(i kind.Instance) defined {
	d, _ := i.Part.(defined)
	return d
}

// Read implements kind.Driver.
func (d *Driver) Read(ctx context.Context, domain host.Domain, facts metadata.Facts) (kind.Instance, error) {
	id, err := d.inventory.Self(ctx)
	if err != nil {
		return kind.Instance{}, err
	}
	i := kind.InstanceOf(domain, facts, id, d.Type())
	own := defined{
		vcpus: domain.Sockets * max(1, domain.Cores), memoryMiB: domain.MemoryMiB, devices: map[string]string{},
	}
	for _, f := range domain.Filesystems {
		switch {
		case f.Target == lowerTarget:
			own.lower = f.Source
		case f.Target == initTarget:
			own.program = f.Source
		case f.Target == memoryTarget && f.Kind == host.FilesystemRAM:
			own.fresh, own.memory = true, f.Size
		case f.Kind == host.FilesystemImage:
			if disk, is := diskOf(facts, f); is {
				i.Disks = append(i.Disks, disk)
			}
		}
	}
	slices.SortStableFunc(i.Disks, func(a, b host.DomainDisk) int { // the system disk comes first
		return min(1, len(a.Target)-len(rootTarget)) - min(1, len(b.Target)-len(rootTarget))
	})
	for _, nic := range domain.Interfaces {
		name := nameOf(facts.MACs, nic.MAC)
		own.devices[strings.ToLower(nic.MAC)] = nic.Device
		i.NICs = append(i.NICs, profile.NIC{
			Name: name, Model: profile.DefaultInterfaceModel, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC,
			Filter: nic.Filter, IP: metadata.NotedAddressing(facts.Addressing, name),
		})
	}
	i.Part = own
	i.Shape = shape(i)
	return i, nil
}

// diskOf is the disk of an instance that a filesystem is.
func diskOf(facts metadata.Facts, f host.Filesystem) (host.DomainDisk, bool) {
	name, data := strings.CutPrefix(f.Target, disksTarget)
	if !data && f.Target != rootTarget {
		return host.DomainDisk{}, false
	}
	if !data && facts.Container != nil {
		name = facts.Container.Disk
	}
	return host.DomainDisk{Name: name, Target: f.Target, Path: f.Source, Format: "raw"}, true
}

// nameOf is the name of the interface with a MAC address, which only the metadata know.
func nameOf(notes []metadata.MACNote, mac string) string {
	for _, note := range notes {
		if strings.EqualFold(note.MAC, mac) {
			return note.Interface
		}
	}
	return ""
}

// shape identifies the container, its interfaces and disks as the host has them. The metadata keep it.
// It leaves out the path of nova-init, which changes with releases of the provider.
func shape(i kind.Instance) string {
	h := sha256.New()
	own := definedOf(i)
	fmt.Fprintf(h, "%d %d %q %t %d\n", own.vcpus, own.memoryMiB, own.lower, own.fresh, own.memory)
	for _, n := range i.NICs {
		fmt.Fprintf(h, "%q %q %q %q %q\n", n.Name, n.Network, n.Bridge, n.MAC, n.Filter)
	}
	for _, disk := range i.Disks {
		fmt.Fprintf(h, "%q %q %q\n", disk.Name, disk.Target, disk.Path)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Look implements kind.Driver. A container reports its addresses itself; only a system does not. What
// it has reported is one small read.
func (d *Driver) Look(ctx context.Context, i *kind.Instance, leases network.Leases) error {
	status, err := d.status(ctx, *i)
	if err != nil && !unreported(err) {
		return err
	}
	if err == nil {
		seen(i, status)
	}
	if i.State != host.StateRunning {
		i.Addresses = nil
		return nil
	}
	if noteOf(*i).System {
		if leases == nil {
			leases = network.Leases{}
		}
		i.Addresses, err = d.networks.LeasedAddresses(ctx, leases, i.NICs)
		return err
	}
	return nil
}

// status is what a container has reported last.
func (d *Driver) status(ctx context.Context, i kind.Instance) (initd.Status, error) {
	const tries = 5
	var s initd.Status
	var err error
	for range tries { // it may be read while it is written
		var page []byte
		page, err = d.host.ReadVolumeAt(ctx, d.volumes.Pool(), naming.Status(i.Facts.Tenant, i.Facts.Name), 0,
			initd.StatusSize)
		if err != nil {
			return s, err
		}
		if s, err = initd.DecodeStatus(page); !errors.Is(err, initd.ErrTornStatus) {
			return s, err
		}
	}
	return s, err
}

// unreported reports whether an error says that there is nothing that a container has reported.
func unreported(err error) bool {
	return errors.Is(err, initd.ErrNoStatus) || errors.Is(err, initd.ErrTornStatus) || errors.Is(err, host.ErrNoVolume)
}

// seen adds what a container has reported to an instance.
func seen(i *kind.Instance, s initd.Status) {
	i.Restarts = s.Restarts
	if s.Exit != nil {
		i.ExitCode = &s.Exit.Code
	}
	if s.Health != nil && i.State == host.StateRunning {
		i.Health = string(s.Health.State)
	}
	i.Done = i.State == host.StateShutoff && done(s)
	i.Addresses = addresses(s, i.NICs)
}

// done reports whether an application has ended by itself, and succeeded.
func done(s initd.Status) bool {
	return s.State == initd.StateExited && !s.Stopped && s.Exit != nil && s.Exit.Code == 0
}

// addresses are those of an instance's interfaces, in their order, IPv4 first.
func addresses(s initd.Status, nics []profile.NIC) (all []netip.Addr) {
	for _, four := range []bool{true, false} {
		for _, nic := range nics {
			for _, link := range s.Interfaces {
				if !strings.EqualFold(link.MAC, nic.MAC) {
					continue
				}
				for _, text := range link.Addresses {
					a, err := netip.ParsePrefix(text)
					if err == nil && a.Addr().Is4() == four && !a.Addr().IsLinkLocalUnicast() {
						all = append(all, a.Addr())
					}
				}
			}
		}
	}
	return all
}
