package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Drifted tells whether somebody else has changed the instance since novacron made or changed it last: the machine, an
// interface, a disk, or, where Refresh knows it, the size of a disk.
func (i Instance) Drifted() bool {
	if i.Facts.Shape == "" {
		return false // it is being made
	}
	return i.Facts.Shape != i.shape() || slices.ContainsFunc(i.Facts.Sizes, func(left metadata.DiskSize) bool {
		size, known := i.size(left.Disk)
		return known && !profile.SameSize(size, left.Bytes)
	})
}

// size is how large a disk is now, bytes.
func (i Instance) size(disk string) (bytes uint64, known bool) {
	for _, d := range i.Disks {
		if d.Name == disk {
			bytes, known = i.sizes[d.Target]
		}
	}
	return bytes, known
}

// shape identifies the machine, its interfaces and disks as the host has them.
func (i Instance) shape() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v\n", i.DomainType, i.Machine)
	for _, n := range i.NICs {
		fmt.Fprintf(h, "%q %q %q %q %q %d %q\n", n.Name, n.Model, n.Network, n.Bridge, n.MAC, n.VLAN, n.Filter)
	}
	for _, d := range i.Disks {
		fmt.Fprintf(h, "%q %q %q %q %d %d\n", d.Name, d.Target, d.Path, d.Format, d.Rotation, d.Boot)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Drift is an attribute of a profile for which the host has something else than a blueprint says.
type Drift struct {
	Path finding.Path
	Is   any  // what the host has: an int64, a string or several; "" or 0 for what is gone
	Lost bool // only another instance would have it again
}

// Drift tells in which attributes the host's instance differs from its blueprint.
func (i Instance) Drift(b Blueprint) []Drift {
	var all []Drift
	differs := func(at finding.Path, is any, same bool) {
		if !same {
			all = append(all, Drift{Path: at, Is: is})
		}
	}
	lost := func(at finding.Path, is any, same bool) {
		if !same {
			all = append(all, Drift{Path: at, Is: is, Lost: true})
		}
	}
	hardware, have, want := finding.At("hardware_profile"), i.Machine, b.Machine
	differs(hardware.Name("cpu_count"), int64(have.Sockets), have.Sockets == want.Sockets)
	differs(hardware.Name("cpu_cores"), int64(have.Cores), have.Cores == want.Cores)
	differs(hardware.Name("memory_mb"), int64(have.MemoryMiB), have.MemoryMiB == want.MemoryMiB)
	lost(hardware.Name("cpu_type"), have.CPU, have.CPU == host.EffectiveCPU(i.DomainType, want.CPU))
	lost(hardware.Name("gpu_count"), int64(have.GPUs), have.GPUs == want.GPUs)
	filtered := false
	for _, w := range b.NICs {
		at := finding.At("network_profile").Name("interfaces").Key(w.Name)
		n := slices.IndexFunc(i.NICs, func(h profile.NIC) bool { return h.Name == w.Name })
		if n < 0 {
			differs(at.Name("network"), "", false)
			continue
		}
		h := i.NICs[n]
		differs(at.Name("type"), h.Model, h.Model == w.Model)
		differs(at.Name("network"), h.Network, h.Network == w.Network)
		differs(at.Name("bridge"), h.Bridge, h.Bridge == w.Bridge)
		differs(at.Name("vlan"), int64(h.VLAN), h.VLAN == w.VLAN)
		if h.Filter != w.Filter && !filtered {
			filtered = true
			differs(finding.At("network_profile").Name("default_network_policies"), filters(h), false)
		}
	}
	for _, w := range b.Drives {
		at := finding.At("storage_profile").Name("disks").Key(w.Name)
		n := slices.IndexFunc(i.Disks, func(h host.DomainDisk) bool { return h.Name == w.Name })
		if n < 0 && (w.System || w.Boot) {
			lost(at.Name("size_gb"), int64(0), false)
			continue
		}
		if n < 0 {
			differs(at.Name("size_gb"), int64(0), false)
			continue
		}
		lost(at.Name("type"), diskType(i.Disks[n]), diskType(i.Disks[n]) == w.Type)
		if size, known := i.size(w.Name); known && size < w.Size {
			differs(at.Name("size_gb"), int64(size>>30), profile.SameSize(size, w.Size))
		} else if known {
			lost(at.Name("size_gb"), gib(size), profile.SameSize(size, w.Size)) // no disk shrinks
		}
	}
	return all
}

func filters(n profile.NIC) []string {
	if n.Filter == "" {
		return []string{}
	}
	return []string{n.Filter}
}

// renamed tells whether the domain has another name than the instance's.
func (i Instance) renamed() bool {
	return i.DomainName != naming.Domain(i.Facts.Tenant, i.Facts.Name)
}

// rename gives a domain that is off the instance's name again.
func (p *Provisioner) rename(ctx context.Context, i Instance) error {
	name := naming.Domain(i.Facts.Tenant, i.Facts.Name)
	err := p.host.RenameDomain(ctx, i.UUID, name)
	if errors.Is(err, host.ErrExists) {
		return fmt.Errorf("the domain of instance %q was renamed to %q, and its name was given to another domain: rename or remove that one: %w",
			i.Facts.Name, i.DomainName, err)
	}
	return err
}

// settled reads an instance that was changed to a blueprint (nil: not its devices), and notes how it was left.
func (p *Provisioner) settled(ctx context.Context, uuid string, b *Blueprint) (Instance, error) {
	i, err := p.Read(ctx, uuid)
	if err != nil {
		return i, err
	}
	sizes, cards := i.Facts.Sizes, i.Facts.MACs
	if b != nil {
		sizes, cards = metadata.SizesOf(b.Drives), metadata.NoteMACs(i.NICs)
	}
	if i.Facts.Shape == i.shape() && slices.Equal(i.Facts.Sizes, sizes) && slices.Equal(i.Facts.MACs, cards) {
		return i, nil
	}
	i.Facts.Shape, i.Facts.Sizes, i.Facts.MACs = i.shape(), sizes, cards
	return i, p.writeFacts(ctx, uuid, i.Facts)
}
