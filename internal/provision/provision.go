// Package provision turns a template version and a request into a running instance, step by step, and back. Every
// step has a name, a duration, and an undo that runs when a later step fails or the caller cancels.
package provision

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Conditions that a new instance can be waited for.
const (
	WaitIP        = "ip"         // an address is known
	WaitAgent     = "agent"      // the guest agent answers
	WaitCloudInit = "cloud_init" // cloud-init is done
	// NoReport is no condition: the guest's report of its first boot is not waited for.
	NoReport = "no_report"
)

// Conditions lists what can be waited for, or not.
func Conditions() []string { return []string{WaitIP, WaitAgent, WaitCloudInit, NoReport} }

// awaitsReport tells whether a first boot that is waited for by these conditions includes the guest's report of it.
func awaitsReport(conditions []string) bool {
	return len(conditions) > 0 && !slices.Contains(conditions, NoReport)
}

// Request is an instance as its user asks for it.
type Request struct {
	Name        string
	Description string
	Template    catalog.TemplateID
	Version     string            // exact, as resolved
	Strategy    catalog.Strategy  // "" for the template's
	Given       parameter.Given   // the parameters
	Hardware    *profile.Hardware // these override the version's, field by field
	Network     *profile.Network
	Storage     *profile.Storage
	// Customization is what the guest does at first boot; nil for nothing.
	Customization *guest.Customization
	// Seeded says that it is for an instance that has been told what to do at its first boot: that is not checked again.
	Seeded bool
	Options
}

// Options are what may change about an instance at any time.
type Options struct {
	Labels             map[string]string
	Running            bool
	Autostart          bool
	DeletionProtection bool
	WaitFor            []string
}

// Provisioner makes, reads, changes and removes instances on one host.
type Provisioner struct {
	// Here recognizes the host.
	Here *hostid.Here

	host       host.Host
	inventory  *inventory.Inventory
	library    *library.Library
	domainType string // kvm, qemu, or "" for the best that the host offers
	volumes    *volumes.Volumes
	networks   *network.Networks
	observe    Observer

	statuses statuses

	unconfirmed unconfirmed
	orphans     sync.RWMutex // held for writing while volumes are removed that no domain claims, and for reading while one claims its name
	gpus        sync.Mutex   // held from the choice of GPUs until the host can tell that they are taken
}

// Observer hears of every step that ended.
type Observer func(ctx context.Context, instance string, s step.Step, err error)

// work begins some work on an instance.
func (p *Provisioner) work(instance string) *step.Work {
	return step.Begin(func(ctx context.Context, s step.Step, err error) {
		if p.observe != nil {
			p.observe(ctx, instance, s, err)
		}
	})
}

// Settings say where instances are made, and how.
type Settings struct {
	Host           host.Host
	Library        *library.Library
	DomainType     string            // kvm, qemu, or "" for kvm where the host offers it, else qemu
	StorageTiers   map[string]string // the host's pool of each storage tier
	PublicNetworks []string          // networks and bridges of the host that are public
	Observe        Observer          // nil for nobody
}

// New makes a provisioner.
func New(s Settings) *Provisioner {
	offers := inventory.New(s.Host)
	return &Provisioner{
		Here: hostid.New(offers, s.Library.Pool()), inventory: offers,
		host: s.Host, library: s.Library, domainType: s.DomainType, volumes: volumes.New(s.Host, offers, s.Library.Pool(), s.StorageTiers), networks: network.New(s.Host, offers, s.PublicNetworks), observe: s.Observe,
	}
}

// domainTypeFor is the domain type to define: as configured, else the best of the host.
func (p *Provisioner) domainTypeFor(ctx context.Context) (string, error) {
	if p.domainType != "" {
		return p.domainType, nil
	}
	info, err := p.inventory.Info(ctx)
	if err != nil {
		return "", err
	}
	if slices.Contains(info.DomainTypes, "kvm") {
		return "kvm", nil
	}
	return "qemu", nil
}

func now() time.Time { return time.Now().UTC() }

// Homes names the pools that instances may have volumes in: the library's and those of the storage tiers.
func (p *Provisioner) Homes() []string { return p.volumes.Homes() }
