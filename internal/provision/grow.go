package provision

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// checkGrowth reports with a FullError that the host has no room for what an instance is to become. A
// machine that does not grow always fits.
func (p *Provisioner) checkGrowth(ctx context.Context, i kind.Instance, grows Demand) error {
	if grows == (Demand{}) {
		return nil
	}
	room, err := p.look(ctx)
	if err != nil {
		return err
	}
	others, _ := room.Without(i.UUID)
	return p.full(i.Facts.Name, others.Lacks(grows))
}

// grow gives an instance the processors and the memory of a blueprint, if the host has room for them:
// the definition claims them, and gets the old ones again if a look after that shows that they do not
// fit. Of two instances that grow at once and are too many together, the later look shows both.
func (p *Provisioner) grow(ctx context.Context, driver kind.Driver, i kind.Instance, b *kind.Blueprint) error {
	if p.limits == nil || b == nil {
		return nil
	}
	before, grows, err := growth(ctx, driver, i, *b)
	if err != nil || grows == (Demand{}) {
		return err
	}
	if err := p.checkGrowth(ctx, i, grows); err != nil { // mostly, nothing has to be changed to find that out
		return err
	}
	if err := p.claims.Acquire(ctx, manyClaims); err != nil { // alone, as for defineWithin
		return err
	}
	defer p.claims.Release(manyClaims)
	err = step.Certainly(ctx, func(ctx context.Context) error {
		return driver.Redefine(ctx, i, b, host.DomainChange{})
	})
	if err == nil {
		err = p.checkGrowth(ctx, i, grows)
	}
	if err == nil {
		return nil
	}
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	return errors.Join(err, driver.Domains().RedefineDomain(undo, i.UUID, host.DomainChange{
		Sockets: &before.Sockets, Cores: &before.Cores, MemoryMiB: &before.MemoryMiB,
	}))
}

// growth reads an instance's definition, and returns what the instance would need of its host to become
// what a blueprint says, as far as that is more than it has.
func growth(ctx context.Context, driver kind.Driver, i kind.Instance, b kind.Blueprint) (host.Domain, Demand, error) {
	before, err := driver.Domains().DomainWith(ctx, i.UUID, host.Status{})
	want := DemandOf(b)
	if want.VCPUs <= int64(before.Sockets)*int64(before.Cores) {
		want.VCPUs = 0
	}
	if want.MemoryMB <= int64(before.MemoryMiB) {
		want.MemoryMB = 0
	}
	return before, want, err
}
