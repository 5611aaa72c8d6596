package vm

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Define implements kind.Driver.
func (d *Driver) Define(ctx context.Context, of *kind.Build) error {
	b := &build{of, d}
	if b.Resume != nil {
		if defined, err := b.defineResumed(ctx); defined || err != nil {
			return err
		}
	}
	domainType, err := d.domainTypeFor(ctx)
	if err != nil {
		return err
	}
	m := PartOf(b.Blueprint).Machine
	description, _ := metadata.Described(b.Request.Description)
	spec := machineSpec(m, domainType)
	spec.Name, spec.UUID, spec.Description = naming.Domain(b.Tenant, b.Request.Name), b.UUID, description
	spec.Seed = b.volumePath(naming.Seed(b.Tenant, b.Request.Name))
	spec.ConsoleLog = b.volumePath(naming.Console(b.Tenant, b.Request.Name))
	spec.Disks, spec.Interfaces = b.diskSpecs(), device.InterfaceSpecs(b.Blueprint.NICs)
	spec.Metadata = b.Metadata
	if m.GPUs > 0 {
		// No other create of this process chooses until the domain with the chosen GPUs is visible.
		d.gpus.choosing.Lock()
		defer d.gpus.choosing.Unlock()
		var findings finding.List
		if spec.Passthrough, findings, err = d.gpus.choose(ctx, spec.Name, m); err != nil {
			return err
		} else if len(findings) > 0 {
			return findings
		}
	}
	return step.Uninterrupted(ctx, func(ctx context.Context) (err error) {
		of.Defined, err = d.host.DefineDomain(ctx, spec)
		return err
	})
}

// machineSpec describes a machine without its devices.
func machineSpec(m profile.Machine, domainType string) host.DomainSpec {
	spec := host.DomainSpec{
		Type: domainType, Sockets: m.Sockets, Cores: m.Cores, CPU: m.CPU, MemoryMiB: m.MemoryMiB,
	}
	if m.Firmware == profile.EFI {
		spec.Firmware = "efi"
	}
	return spec
}

// volumePath is where a volume of the library's pool is.
func (b *build) volumePath(volume string) string { return b.Pool.Path + "/" + volume }
