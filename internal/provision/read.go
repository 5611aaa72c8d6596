package provision

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

var (
	// ErrNotFound says that the host has no such instance.
	ErrNotFound = errors.New("no such instance")
	// ErrForeign says that a domain is no instance.
	ErrForeign = errors.New("not made by novacron")
	// ErrNoAnswer says that the host did not answer in time.
	ErrNoAnswer = host.ErrNoAnswer
	// ErrUnreachable says that the host could not be asked.
	ErrUnreachable = host.ErrUnreachable
)

// Instance is an instance as its host knows it.
type Instance struct {
	UUID        string
	Facts       metadata.Facts
	DomainName  string
	Host        string // the host's own name
	HostUUID    string // as libvirt has it: see package hostid
	Description string
	State       host.State
	Autostart   bool
	Machine     profile.Machine
	NICs        []profile.NIC
	Disks       []host.DomainDisk // novacron's own, the system disk first
	DomainType  string
	sizes       map[string]uint64 // of disks, bytes, by their targets; only Refresh knows them
	targets     []string          // of all disks and drives, whoever added them
	Addresses   []netip.Addr      // of running guests, in the order of their interfaces, IPv4 first
}

// Running tells whether the guest has not been powered off, whatever else is the matter with it.
func (i Instance) Running() bool {
	return i.State != host.StateShutoff && i.State != host.StateCrashed
}

// Healthy tells whether the guest runs as it should: neither off, nor paused, nor crashed.
func (i Instance) Healthy() bool { return i.State == host.StateRunning }

// MACs are the addresses of the network cards by the interfaces' names.
func (i Instance) MACs() map[string]string {
	macs := make(map[string]string, len(i.NICs))
	for _, nic := range i.NICs {
		if nic.Name != "" { // else it is somebody else's
			macs[nic.Name] = nic.MAC
		}
	}
	return macs
}

// Read reads an instance by its UUID. ErrNotFound only when the host itself says that there is none.
func (p *Provisioner) Read(ctx context.Context, uuid string) (Instance, error) {
	domain, err := p.host.Domain(ctx, uuid)
	return p.instance(ctx, domain, err)
}

// Find reads an instance by its tenant and name; ErrNotFound.
func (p *Provisioner) Find(ctx context.Context, tenant, name string) (Instance, error) {
	domain, err := p.host.DomainByName(ctx, naming.Domain(tenant, name))
	return p.instance(ctx, domain, err)
}

// uuidForm is a UUID as libvirt writes it (RFC 9562).
var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Lookup reads an instance of the library's tenant by its UUID, by "tenant/name", or by its name; ErrNotFound, also for
// those of other tenants.
func (p *Provisioner) Lookup(ctx context.Context, ref string) (Instance, error) {
	tenant, name, qualified := strings.Cut(ref, "/")
	if !qualified {
		tenant, name = p.library.Tenant(), ref
		if uuidForm.MatchString(ref) { // a name may look like one, too
			i, err := p.Read(ctx, ref)
			if err == nil && i.Facts.Tenant != tenant {
				err = fmt.Errorf("%w: of tenant %q", ErrNotFound, tenant)
			}
			if !errors.Is(err, ErrNotFound) {
				return i, err
			}
		}
	}
	if tenant != p.library.Tenant() {
		return Instance{}, fmt.Errorf("%w: of tenant %q", ErrNotFound, p.library.Tenant())
	}
	return p.Find(ctx, tenant, name)
}

func (p *Provisioner) instance(ctx context.Context, d host.Domain, err error) (Instance, error) {
	if errors.Is(err, host.ErrNoDomain) {
		return Instance{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return Instance{}, err
	}
	i, err := p.defined(ctx, d)
	if err == nil && d.State == host.StateRunning {
		i.Addresses, err = p.networks.Addresses(ctx, i.UUID, i.NICs)
	}
	return i, err
}

// factsOf are what the metadata of a domain say; catalog.ErrDamaged where they cannot be read, which is never taken for a
// domain that has none.
func (p *Provisioner) factsOf(d host.Domain) (metadata.Facts, error) {
	facts, err := metadata.Parse(d.Metadata)
	if err != nil {
		err = fmt.Errorf("domain %q on %s: %w. Nothing was changed. Correct them with `virsh edit %[1]s`, or remove the "+
			"domain by hand",
			d.Name, p.host.URI(), err)
	}
	return facts, err
}

// defined is the instance of a domain, as far as the domain's definition and state tell.
func (p *Provisioner) defined(ctx context.Context, d host.Domain) (Instance, error) {
	if d.Metadata == "" {
		return Instance{}, fmt.Errorf("domain %q on %s was %w: it has no metadata of the namespace %s",
			d.Name, p.host.URI(), ErrForeign, naming.InstanceNamespace)
	}
	facts, err := p.factsOf(d)
	if err != nil {
		return Instance{}, err
	}
	info, err := p.inventory.Info(ctx)
	if err != nil {
		return Instance{}, err
	}
	i := Instance{
		UUID: d.UUID, Facts: facts, DomainName: d.Name, Host: info.Hostname, HostUUID: info.UUID, Description: metadata.DescriptionOf(d.Description, facts.Description), State: d.State,
		Autostart: d.Autostart, sizes: d.Sizes,
		DomainType: d.Type,
		Machine:    profile.Machine{Sockets: d.Sockets, Cores: d.Cores, CPU: d.CPU, MemoryMiB: d.MemoryMiB, Firmware: profile.BIOS},
	}
	if d.Firmware == "efi" {
		i.Machine.Firmware = profile.EFI
	}
	i.Machine.GPUs, i.Machine.GPU = gpusOf(d.Passthrough)
	for _, nic := range d.Interfaces {
		i.NICs = append(i.NICs, profile.NIC{
			Name: nic.Name, Model: nic.Model, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC,
			VLAN: int(nic.VLAN), Filter: nic.Filter, IP: metadata.NotedAddressing(facts.Addressing, nic.Name),
		})
	}
	for _, disk := range d.Disks {
		i.targets = append(i.targets, disk.Target)
		if disk.Name != "" && !disk.CDROM {
			i.Disks = append(i.Disks, disk)
		}
	}
	slices.SortStableFunc(i.Disks, func(a, b host.DomainDisk) int { return diskPlace(a.Target) - diskPlace(b.Target) })
	return i, nil
}

// agent is the guest agent of a domain.
func (p *Provisioner) agent(uuid string) *guest.Agent {
	return guest.NewAgent(agentOf{p.host, uuid})
}
