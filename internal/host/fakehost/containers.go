package fakehost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// containerRequests answers the requests of host.Containers.
type containerRequests struct{ domainRequests }

// Containers is host.Host.Containers.
func (h *Host) Containers() host.Containers { return containerRequests{domainRequests{h.containers}} }

// do makes a request to a driver that the host may lack.
func (h *driver) do(ctx context.Context, method, object string, do func() error) error {
	return h.state.do(ctx, method, object, func() error {
		switch {
		case h == h.containers && h.NoContainers:
			return host.ErrNoDriver
		case h == h.containers && h.ContainersDown:
			return host.ErrDriverDown
		}
		return do()
	})
}

// Offered is host.Containers.Offered.
func (h containerRequests) Offered(ctx context.Context) error {
	return h.do(ctx, "Offered", "", func() error { return nil })
}

// DefineContainer is host.Containers.DefineContainer.
func (h containerRequests) DefineContainer(
	ctx context.Context, spec host.ContainerSpec,
) (made host.Domain, err error) {
	err = h.do(ctx, "DefineContainer", spec.Name, func() error {
		id := cmp.Or(spec.UUID, uuid())
		if h.domains[id] != nil || h.named(spec.Name) != nil || h.machines.named(spec.Name) != nil {
			return host.ErrExists
		}
		if !slices.ContainsFunc(spec.Filesystems, func(fs host.Filesystem) bool { return fs.Target == "/" }) {
			return errors.New("it has no root")
		}
		d := &domain{sent: map[string]int64{}, down: map[string]bool{}, Domain: host.Domain{
			UUID:        id,
			Name:        spec.Name,
			Title:       spec.Title,
			Description: spec.Description,
			Type:        "lxc",
			Status:      host.Status{State: host.StateShutoff},
			Sockets:     spec.VCPUs,
			Cores:       1,
			MemoryMiB:   spec.MemoryMiB,
			Filesystems: slices.Clone(spec.Filesystems),
			Metadata:    spec.Metadata,
		}}
		for _, nic := range spec.Interfaces {
			if nic.MAC == "" {
				return fmt.Errorf("its interface %q has no MAC address", nic.Name)
			}
			d.Interfaces = linked(d.Interfaces, nic)
		}
		h.domains[id] = d
		made = d.describe()
		return nil
	})
	return made, err
}

// linked returns the interfaces of a container with s added, or with the interface of the same MAC
// address connected as s says.
func linked(nics []host.DomainInterface, s host.InterfaceSpec) []host.DomainInterface {
	nic := host.DomainInterface{MAC: s.MAC, Network: s.Network, Bridge: s.Bridge, Filter: s.Filter}
	if i := slices.IndexFunc(nics, func(nic host.DomainInterface) bool { return nic.MAC == s.MAC }); i >= 0 {
		nic.Device = nics[i].Device
		nics[i] = nic
		return nics
	}
	taken := func(device string) bool {
		return slices.ContainsFunc(nics, func(nic host.DomainInterface) bool { return nic.Device == device })
	}
	for n := 0; nic.Device == "" || taken(nic.Device); n++ {
		nic.Device = fmt.Sprintf("eth%d", n)
	}
	return append(nics, nic)
}

// RedefineDomain is host.Domains.RedefineDomain.
func (h containerRequests) RedefineDomain(ctx context.Context, uuid string, c host.DomainChange) error {
	return h.onDomain(ctx, "RedefineDomain", uuid, func(d *domain) error {
		if c.AddDisk != nil || c.Disk != nil || c.RemoveDevice != "" || c.Cores != nil && *c.Cores != 1 {
			return host.ErrUnsupported
		}
		set(&d.Title, c.Title)
		set(&d.Description, c.Description)
		set(&d.Metadata, c.Metadata)
		set(&d.Sockets, c.Sockets)
		set(&d.MemoryMiB, c.MemoryMiB)
		if c.RemoveInterface != "" {
			d.Interfaces = slices.DeleteFunc(d.Interfaces, func(nic host.DomainInterface) bool {
				return nic.MAC == c.RemoveInterface
			})
		}
		if c.SetInterface != nil {
			d.Interfaces = linked(d.Interfaces, *c.SetInterface)
		}
		if c.RemoveFilesystem != "" {
			d.Filesystems = slices.DeleteFunc(d.Filesystems, func(fs host.Filesystem) bool {
				return fs.Target == c.RemoveFilesystem
			})
		}
		for _, set := range c.SetFilesystems {
			i := slices.IndexFunc(d.Filesystems, func(fs host.Filesystem) bool { return fs.Target == set.Target })
			if i < 0 {
				d.Filesystems = append(d.Filesystems, set)
			} else {
				d.Filesystems[i] = set
			}
		}
		return nil
	})
}

// StartDomain is host.Domains.StartDomain.
func (h containerRequests) StartDomain(ctx context.Context, uuid string) error {
	return h.onDomain(ctx, "StartDomain", uuid, func(d *domain) error {
		if d.live != nil {
			return nil
		}
		err := h.start(d)
		if err == nil {
			h.act(d, 0)
		}
		return err
	})
}

// act has process 1 of a container start or get a signal.
func (h containerRequests) act(d *domain, signal host.Signal) {
	if h.Init == nil {
		if signal == host.SignalTerminate {
			d.powerOff()
		}
		return
	}
	life, now := d.live, d.describe()
	time.AfterFunc(0, func() {
		runs := h.Init(now, signal)
		h.mu.Lock()
		defer h.mu.Unlock()
		if !runs && d.live == life {
			d.powerOff()
		}
	})
}

// SignalContainer is host.Containers.SignalContainer.
func (h containerRequests) SignalContainer(ctx context.Context, uuid string, signal host.Signal) error {
	return h.onGuest(ctx, "SignalContainer", uuid, func(d *domain) error {
		if !h.Ignores {
			h.act(d, signal)
		}
		return nil
	})
}

// ShutdownDomain is host.Domains.ShutdownDomain. A container whose init is asked is off at once,
// unless it ignores requests.
func (h containerRequests) ShutdownDomain(ctx context.Context, uuid string, mode host.ShutdownMode) error {
	return h.onDomain(ctx, "ShutdownDomain", uuid, func(d *domain) error {
		switch {
		case mode != host.ShutdownSignal && mode != host.ShutdownInit:
			return host.ErrUnsupported
		case d.live == nil || h.Ignores:
		case mode == host.ShutdownSignal:
			h.act(d, host.SignalTerminate)
		default:
			d.powerOff()
		}
		return nil
	})
}

// RenameDomain is host.Domains.RenameDomain.
func (h containerRequests) RenameDomain(ctx context.Context, uuid, _ string) error {
	return h.onDomain(ctx, "RenameDomain", uuid, func(*domain) error { return host.ErrUnsupported })
}

// DiskUsers is host.Containers.DiskUsers.
func (h containerRequests) DiskUsers(ctx context.Context, v host.Volume) (names []string, err error) {
	err = h.do(ctx, "DiskUsers", v.Name, func() error {
		for _, d := range h.domains {
			if d.live != nil && slices.ContainsFunc(d.mounted, func(fs host.Filesystem) bool {
				return !fs.ReadOnly && v.Path != "" && fs.Source == v.Path
			}) {
				names = append(names, d.Name)
			}
		}
		slices.Sort(names)
		return nil
	})
	return names, err
}
