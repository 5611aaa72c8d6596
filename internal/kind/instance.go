package kind

import (
	"net/netip"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Instance is an instance as its host knows it.
type Instance struct {
	UUID        string
	Type        string // of its driver
	Facts       metadata.Facts
	DomainName  string
	Host        string // the host's own name
	HostUUID    string // as libvirt has it: see package hostid
	Description string
	State       host.State
	Autostart   bool
	NICs        []profile.NIC
	Disks       []host.DomainDisk // novacron's own, the system disk first
	Sizes       map[string]uint64 // of disks, bytes, by their targets; only a refresh of many knows them
	Addresses   []netip.Addr      // of running guests, in the order of their interfaces, IPv4 first
	Health      string            // HealthStarting, HealthHealthy or HealthUnhealthy; "" without a health check
	ExitCode    *int              // of the application, when it ended last; nil if it has not, or is a machine's
	Restarts    int               // of the application, since the guest was started
	Done        bool              // the guest has ended by itself, because its application has succeeded
	Shape       string            // identifies the machine and its devices
	Part        any               // what only the driver understands
}

// What the health checks of a guest have shown.
const (
	HealthStarting  = "starting" // no check has succeeded yet, and too few have failed
	HealthHealthy   = "healthy"
	HealthUnhealthy = "unhealthy"
)

// AsAsked reports whether the guest is as an instance that is to run should be: it runs, or it has done
// what it was to do.
func (i Instance) AsAsked() bool { return i.Healthy() || i.Done }

// InstanceOf is what the domain of an instance shows of it whatever its type is. on is its host.
func InstanceOf(d host.Domain, facts metadata.Facts, on host.Self, driver string) Instance {
	return Instance{
		UUID:        d.UUID,
		Type:        driver,
		Facts:       facts,
		DomainName:  d.Name,
		Host:        on.Hostname,
		HostUUID:    on.UUID,
		Description: metadata.DescriptionOf(d.Description, facts.Description),
		State:       d.State,
		Autostart:   d.Autostart,
		Sizes:       d.Sizes,
	}
}

// Running reports whether the guest has not been powered off, in any other state.
func (i Instance) Running() bool {
	return i.State != host.StateShutoff && i.State != host.StateCrashed
}

// Healthy reports whether the guest runs as it should: neither off, nor paused, nor crashed.
func (i Instance) Healthy() bool { return i.State == host.StateRunning }

// MACs are the addresses of the interfaces by their names.
func (i Instance) MACs() map[string]string {
	macs := make(map[string]string, len(i.NICs))
	for _, nic := range i.NICs {
		if nic.Name != "" { // otherwise it is not novacron's
			macs[nic.Name] = nic.MAC
		}
	}
	return macs
}

// Drifted reports whether the instance was changed by other means since novacron last created or
// changed it: the machine, an interface, a disk, or, if its size was read, the size of a disk.
func (i Instance) Drifted() bool {
	if i.Facts.Shape == "" {
		return false // it is being created
	}
	return i.Facts.Shape != i.Shape || slices.ContainsFunc(i.Facts.Sizes, func(left metadata.DiskSize) bool {
		size, known := i.Size(left.Disk)
		return known && !profile.SameSize(size, left.Bytes)
	})
}

// Size is how large a disk is now, bytes.
func (i Instance) Size(disk string) (bytes uint64, known bool) {
	for _, d := range i.Disks {
		if d.Name == disk {
			bytes, known = i.Sizes[d.Target]
		}
	}
	return bytes, known
}

// Renamed reports whether the domain's name differs from the instance's.
func (i Instance) Renamed() bool {
	return i.DomainName != naming.Domain(i.Facts.Tenant, i.Facts.Name)
}

// Drift is an attribute of a profile for which the host has something else than the blueprint says.
type Drift struct {
	Path finding.Path
	Is   any  // what the host has: an int64, a string or several; "" or 0 if it is gone
	Lost bool // only another instance would have it again
}
