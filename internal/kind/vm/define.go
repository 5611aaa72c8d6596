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
	domainType, err := d.domainTypeFor(ctx)
	if err != nil {
		return err
	}
	m := PartOf(b.Blueprint).Machine
	description, _ := metadata.Described(b.Request.Description)
	spec := host.DomainSpec{
		Name:        naming.Domain(b.Tenant, b.Request.Name),
		UUID:        b.UUID,
		Description: description,
		Type:        domainType,
		Sockets:     m.Sockets,
		Cores:       m.Cores,
		CPU:         m.CPU,
		MemoryMiB:   m.MemoryMiB,
		Seed:        b.volumePath(naming.Seed(b.Tenant, b.Request.Name)),
		ConsoleLog:  b.volumePath(naming.Console(b.Tenant, b.Request.Name)),
		Disks:       b.diskSpecs(),
		Interfaces:  device.InterfaceSpecs(b.Blueprint.NICs),
		Metadata:    b.Metadata,
	}
	if m.Firmware == profile.EFI {
		spec.Firmware = "efi"
	}
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

// volumePath is where a volume of the library's pool is.
func (b *build) volumePath(volume string) string { return b.Pool.Path + "/" + volume }
