package fakehost

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// domain is a domain's definition and its running state.
type domain struct {
	host.Domain
	console string            // path of the log of its serial console
	live    *host.Hardware    // nil if it is off
	started host.Allotment    // of the guest that runs
	mounted []host.Filesystem // into the container that runs
	saved   bool
	passage *passage         // to another host, while there is one
	halted  bool             // it comes from another host, and has not arrived yet
	left    bool             // it is off because another host has it
	down    map[string]bool  // interfaces without a carrier, by name
	sent    map[string]int64 // packets, by MAC address
	leases  []host.Address
}

func (d *domain) describe() host.Domain {
	c := d.Domain
	c.Disks, c.Interfaces = slices.Clone(d.Disks), slices.Clone(d.Interfaces)
	c.Passthrough, c.Filesystems = slices.Clone(d.Passthrough), slices.Clone(d.Filesystems)
	return c
}

// onDomain makes a request about an existing domain.
func (h *driver) onDomain(ctx context.Context, method, uuid string, do func(*domain) error) error {
	return h.do(ctx, method, uuid, func() error {
		d, ok := h.domains[uuid]
		if !ok {
			return host.ErrNoDomain
		}
		return do(d)
	})
}

func (h *driver) named(name string) *domain {
	for _, d := range h.domains {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// everything returns the machines and the containers.
func (h *state) everything() []*domain {
	return slices.AppendSeq(slices.Collect(maps.Values(h.machines.domains)), maps.Values(h.containers.domains))
}

// find returns a machine or a container.
func (h *state) find(uuid string) *domain {
	return cmp.Or(h.machines.domains[uuid], h.containers.domains[uuid])
}

// Domain is host.Domains.Domain.
func (h domainRequests) Domain(ctx context.Context, uuid string) (found host.Domain, err error) {
	err = h.onDomain(ctx, "Domain", uuid, func(d *domain) error {
		found = d.describe()
		return nil
	})
	return found, err
}

// DomainWith is host.Domains.DomainWith.
func (h domainRequests) DomainWith(
	ctx context.Context, uuid string, status host.Status,
) (found host.Domain, err error) {
	err = h.onDomain(ctx, "DomainWith", uuid, func(d *domain) error {
		found = d.describe()
		found.Status = status
		return nil
	})
	return found, err
}

// DomainByName is host.Domains.DomainByName.
func (h domainRequests) DomainByName(ctx context.Context, name string) (found host.Domain, err error) {
	err = h.do(ctx, "DomainByName", name, func() error {
		d := h.named(name)
		if d == nil {
			return host.ErrNoDomain
		}
		found = d.describe()
		return nil
	})
	return found, err
}

// DomainState is host.Domains.DomainState.
func (h domainRequests) DomainState(ctx context.Context, uuid string) (state host.State, err error) {
	err = h.onDomain(ctx, "DomainState", uuid, func(d *domain) error {
		state = d.State
		return nil
	})
	return state, err
}

// AllDomains is host.Domains.AllDomains.
func (h domainRequests) AllDomains(ctx context.Context) ([]host.Domain, []host.Undescribed, error) {
	return h.DomainsNamed(ctx, func(string) bool { return true })
}

// DomainsNamed is host.Domains.DomainsNamed.
func (h domainRequests) DomainsNamed(
	ctx context.Context, match func(name string) bool,
) (found []host.Domain, torn []host.Undescribed, err error) {
	err = h.do(ctx, "DomainsNamed", "", func() error {
		for _, d := range h.domains {
			if !match(d.Name) {
				continue
			}
			if slices.Contains(h.Torn, d.Name) {
				torn = append(torn, host.Undescribed{Name: d.Name, Err: host.ErrInternal})
				continue
			}
			found = append(found, d.describe())
		}
		slices.SortFunc(found, func(a, b host.Domain) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
	return found, torn, err
}

// Statuses is host.Domains.Statuses.
func (h domainRequests) Statuses(ctx context.Context) (all map[string]host.Status, err error) {
	all = map[string]host.Status{}
	err = h.do(ctx, "Statuses", "", func() error {
		for uuid, d := range h.domains {
			status := d.Status
			status.Sizes = map[string]uint64{}
			for _, disk := range d.Disks {
				if v := h.at(disk.Path); v != nil {
					_, status.Sizes[disk.Target] = v.probed()
				}
			}
			all[uuid] = status
		}
		return nil
	})
	return all, err
}

// Allotments is host.Domains.Allotments.
func (h domainRequests) Allotments(ctx context.Context) (all []host.Allotment, err error) {
	err = h.do(ctx, "Allotments", "", func() error {
		for _, d := range h.domains {
			a := d.allotment()
			if d.live != nil {
				a.VCPUs, a.Memory = max(a.VCPUs, d.started.VCPUs), max(a.Memory, d.started.Memory)
			}
			all = append(all, a)
		}
		return nil
	})
	return all, err
}

// allotment returns what a domain has by its definition.
func (d *domain) allotment() host.Allotment {
	return host.Allotment{
		UUID: d.UUID, Name: d.Name, VCPUs: uint64(d.Sockets * d.Cores), Memory: d.MemoryMiB << 20,
	}
}

// at returns the volume at a path, or nil if there is none.
func (h *state) at(path string) *volume {
	for _, p := range h.pools {
		for name, v := range p.volumes {
			if p.Path+"/"+name == path {
				return v
			}
		}
	}
	return nil
}

// DefineDomain is host.Machines.DefineDomain.
func (h machineRequests) DefineDomain(ctx context.Context, spec host.DomainSpec) (made host.Domain, err error) {
	err = h.do(ctx, "DefineDomain", spec.Name, func() error {
		id := cmp.Or(spec.UUID, uuid())
		if h.domains[id] != nil || h.named(spec.Name) != nil {
			return host.ErrExists
		}
		d := &domain{console: spec.ConsoleLog, sent: map[string]int64{}, down: map[string]bool{}, Domain: host.Domain{
			UUID:        id,
			Name:        spec.Name,
			Title:       spec.Title,
			Description: spec.Description,
			Type:        spec.Type,
			Status:      host.Status{State: host.StateShutoff},
			Sockets:     spec.Sockets,
			Cores:       spec.Cores,
			CPU:         host.EffectiveCPU(spec.Type, spec.CPU),
			MemoryMiB:   spec.MemoryMiB,
			Firmware:    spec.Firmware,
			Passthrough: slices.Clone(spec.Passthrough),
			Metadata:    spec.Metadata,
		}}
		if spec.Seed != "" {
			d.Disks = append(d.Disks, host.DomainDisk{Target: "sda", Path: spec.Seed, Format: "raw", CDROM: true})
		}
		for _, disk := range spec.Disks {
			d.Disks = append(d.Disks, diskOf(disk))
		}
		for _, nic := range spec.Interfaces {
			d.Interfaces = append(d.Interfaces, interfaceOf(nic))
			if nic.LinkDown {
				d.down[nic.Name] = true
			}
		}
		h.domains[id] = d
		made = d.describe()
		return nil
	})
	return made, err
}

func diskOf(s host.DiskSpec) host.DomainDisk {
	return host.DomainDisk{
		Name: s.Name, Target: s.Target, Path: s.Path, Format: s.Format,
		Rotation: s.Rotation, KeepsDiscarded: s.KeepsDiscarded, Boot: s.Boot,
	}
}

func interfaceOf(s host.InterfaceSpec) host.DomainInterface {
	nic := host.DomainInterface{
		Name: s.Name, MAC: s.MAC, Network: s.Network, Bridge: s.Bridge,
		Model: cmp.Or(s.Model, "virtio"), VLAN: s.VLAN, Filter: s.Filter,
	}
	if nic.MAC == "" {
		var b [3]byte
		_, _ = rand.Read(b[:]) // which never fails
		nic.MAC = fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
	}
	return nic
}

// RedefineDomain is host.Domains.RedefineDomain.
func (h machineRequests) RedefineDomain(ctx context.Context, uuid string, c host.DomainChange) error {
	return h.onDomain(ctx, "RedefineDomain", uuid, func(d *domain) error {
		if c.Disk != nil && !slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool {
			return disk.Name == c.Disk.Name
		}) {
			return fmt.Errorf("it has no disk %q", c.Disk.Name)
		}
		set(&d.Title, c.Title)
		set(&d.Description, c.Description)
		set(&d.Metadata, c.Metadata)
		set(&d.Sockets, c.Sockets)
		set(&d.Cores, c.Cores)
		set(&d.MemoryMiB, c.MemoryMiB)
		if c.AddDisk != nil && !slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool {
			return disk.Name == c.AddDisk.Name
		}) {
			d.Disks = append(d.Disks, diskOf(*c.AddDisk))
		}
		if c.SetInterface != nil {
			d.Interfaces = connected(d.Interfaces, *c.SetInterface)
		}
		if c.RemoveDevice != "" {
			d.Disks, d.Interfaces = without(d.Disks, d.Interfaces, c.RemoveDevice)
		}
		if c.Disk != nil {
			i := slices.IndexFunc(d.Disks, func(disk host.DomainDisk) bool { return disk.Name == c.Disk.Name })
			d.Disks[i].Path, d.Disks[i].Format = c.Disk.Path, c.Disk.Format
		}
		return nil
	})
}

func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// connected returns the interfaces with s added, or with the interface of the same name connected
// as s says.
func connected(nics []host.DomainInterface, s host.InterfaceSpec) []host.DomainInterface {
	i := slices.IndexFunc(nics, func(nic host.DomainInterface) bool { return nic.Name == s.Name })
	if i < 0 {
		return append(nics, interfaceOf(s))
	}
	s.MAC, s.Model = cmp.Or(s.MAC, nics[i].MAC), cmp.Or(s.Model, nics[i].Model)
	nics[i] = interfaceOf(s)
	return nics
}

// without returns disks and interfaces except for one device.
func without(
	disks []host.DomainDisk, nics []host.DomainInterface, id host.DeviceID,
) ([]host.DomainDisk, []host.DomainInterface) {
	return slices.DeleteFunc(disks, func(d host.DomainDisk) bool { return d.Name != "" && host.DiskID(d.Name) == id }),
		slices.DeleteFunc(nics, func(n host.DomainInterface) bool {
			return n.Name != "" && host.InterfaceID(n.Name) == id
		})
}

// RenameDomain is host.Domains.RenameDomain.
func (h domainRequests) RenameDomain(ctx context.Context, uuid, name string) error {
	return h.onDomain(ctx, "RenameDomain", uuid, func(d *domain) error {
		if other := h.named(name); other != nil && other != d {
			return host.ErrExists
		}
		if d.live != nil {
			return host.ErrOperationInvalid
		}
		d.Name = name
		return nil
	})
}

// UndefineDomain is host.Domains.UndefineDomain. A running domain is gone at once, and not only
// when it stops.
func (h domainRequests) UndefineDomain(ctx context.Context, uuid string) error {
	return h.onDomain(ctx, "UndefineDomain", uuid, func(*domain) error {
		delete(h.domains, uuid)
		return nil
	})
}

// SetAutostart is host.Domains.SetAutostart.
func (h domainRequests) SetAutostart(ctx context.Context, uuid string, autostart bool) error {
	return h.onDomain(ctx, "SetAutostart", uuid, func(d *domain) error {
		d.Autostart = autostart
		return nil
	})
}

// UUIDs returns the UUIDs of all defined domains: machines and containers.
func (h *Host) UUIDs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var uuids []string
	for _, d := range h.everything() {
		uuids = append(uuids, d.UUID)
	}
	return slices.Sorted(slices.Values(uuids))
}
