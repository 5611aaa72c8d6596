package provision

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// resolve reads the version and settles everything that can be settled before anything is made.
func (b *build) resolve(ctx context.Context) (err error) {
	if b.blueprint, err = b.Blueprint(ctx, b.request); err != nil {
		return err
	}
	if b.strategy, err = strategy.Of(b.blueprint.Strategy); err != nil {
		return err
	}
	base, err := b.library.Base(ctx, b.blueprint.Version.Digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return b.library.NoImage(b.blueprint.Version)
	}
	if err != nil {
		return err
	}
	volume, err := b.library.BaseVolume(ctx, base)
	if err != nil {
		return err
	}
	b.base = baseImage{base, volume}
	if b.pool, err = b.host.Pool(ctx, b.library.Pool()); err != nil {
		return err
	}
	b.homes = make([]host.Pool, len(b.blueprint.Drives))
	for i, drive := range b.blueprint.Drives {
		b.homes[i] = b.pool
		if drive.Tier == "" {
			continue
		}
		if b.homes[i], err = b.host.Pool(ctx, b.volumes.TierPool(drive.Tier)); err != nil {
			return err
		}
	}
	return nil
}

// define defines the domain. Its name is the claim to the instance's name, so it comes before its disks.
func (b *build) define(ctx context.Context) error {
	if err := b.resolve(ctx); err != nil {
		return err
	}
	for i := range b.blueprint.NICs {
		if b.blueprint.NICs[i].MAC == "" {
			b.blueprint.NICs[i].MAC = randomMAC()
		} else {
			b.configured = append(b.configured, b.blueprint.NICs[i])
		}
	}
	if err := b.library.WhileTaken(ctx, func() error { return b.clearRemains(ctx) }); err != nil {
		return err
	}
	domainType, err := b.domainTypeFor(ctx)
	if err != nil {
		return err
	}
	facts, err := b.facts(ctx)
	if err != nil {
		return err
	}
	b.uuid = randomUUID()
	m := b.blueprint.Machine
	description, _ := metadata.Described(b.request.Description)
	spec := host.DomainSpec{
		Name: naming.Domain(b.tenant, b.request.Name), UUID: b.uuid, Description: description, Type: domainType,
		Sockets: m.Sockets, Cores: m.Cores, CPU: m.CPU, MemoryMiB: m.MemoryMiB, Seed: b.path(naming.Seed(b.tenant, b.request.Name)),
		ConsoleLog: b.path(naming.Console(b.tenant, b.request.Name)), Disks: b.diskSpecs(), Interfaces: interfaceSpecs(b.blueprint.NICs), Metadata: facts,
	}
	if m.Firmware == profile.EFI {
		spec.Firmware = "efi"
	}
	if m.GPUs > 0 {
		// No other create of this process chooses until the domain that has them is there to be seen.
		b.gpus.Lock()
		defer b.gpus.Unlock()
		var findings finding.List
		if spec.Passthrough, findings, err = b.chooseGPUs(ctx, spec.Name, m); err != nil {
			return err
		} else if len(findings) > 0 {
			return findings
		}
	}
	err = b.claim(ctx, spec)
	if errors.Is(err, host.ErrExists) { // since the look: a host may carry out late what a create asked for that is over
		if err := b.clearRemains(ctx); err != nil {
			return err
		}
		err = b.claim(ctx, spec)
	}
	if errors.Is(err, host.ErrExists) {
		return b.nameTaken(spec.Name)
	}
	// Also after an error: the call may have been cut off after the host had done it.
	b.UndoLater(func(ctx context.Context) error { return b.removeDomain(ctx, b.uuid, 0) })
	b.claimed = err == nil
	if err == nil && b.request.Autostart {
		err = step.Completed(ctx, func(ctx context.Context) error { return b.host.SetAutostart(ctx, b.uuid, true) })
	}
	return err
}

// claim defines the domain once no volumes of its name are being removed as orphans.
func (b *build) claim(ctx context.Context, spec host.DomainSpec) error {
	b.orphans.RLock()
	defer b.orphans.RUnlock()
	return step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := b.host.DefineDomain(ctx, spec)
		return err
	})
}

func interfaceSpecs(nics []profile.NIC) []host.InterfaceSpec {
	specs := make([]host.InterfaceSpec, len(nics))
	for i, nic := range nics {
		specs[i] = host.InterfaceSpec{
			Name: nic.Name, Model: nic.Model, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC,
			VLAN: uint(nic.VLAN), Filter: nic.Filter,
		}
		// A filter that lets known addresses pass otherwise takes the first that the guest uses.
		for _, address := range nic.IP.Addresses {
			if nic.Filter != "" && address.Addr().Is4() {
				specs[i].FilterIPs = append(specs[i].FilterIPs, address.Addr().String())
			}
		}
	}
	return specs
}
