package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// FullError reports that an instance does not fit on a host. Nothing was created or changed, unless
// other errors are joined with it.
type FullError struct {
	Host      string // its URI
	Instance  string
	Shortages Shortages
}

// Error names the host and what it lacks.
func (e *FullError) Error() string {
	return fmt.Sprintf("the host %s has no room for instance %q: %s", e.Host, e.Instance, e.Shortages)
}

// Unwrap returns a finding for each shortage, at the attribute that asks for too much.
func (e *FullError) Unwrap() error {
	var fs finding.List
	at := finding.At("hardware_profile")
	for _, s := range e.Shortages {
		attribute := "memory_mb"
		if s.Of == VCPUs {
			attribute = "cpu_count"
		}
		fs.Add(at.Name(attribute), "Host is full", fmt.Sprintf("The host %s has no room for instance %q: %s. Ask for "+
			"less, or remove or shrink other domains of the host, which also count while they are off.",
			e.Host, e.Instance, s))
	}
	return fs.Err()
}

// full returns a FullError if the host lacks something for an instance.
func (p *Provisioner) full(instance string, lacks Shortages) error {
	if len(lacks) == 0 {
		return nil
	}
	return &FullError{Host: p.host.URI(), Instance: instance, Shortages: lacks}
}

// look is Room, shared by callers: it begins after they asked.
func (p *Provisioner) look(ctx context.Context) (Room, error) {
	room, err := p.looks.Do(ctx, func() (Room, error) { return p.Room(ctx) })
	return room, host.GaveUp("listing", "domains", err)
}

// roomFor returns a FullError if the host has no room for the instance. It claims none. A domain of the
// same name does not count: it is the remains of a dead create, or it is refused later.
func (b *build) roomFor(ctx context.Context) error {
	if b.p.limits == nil {
		return nil
	}
	room, err := b.p.look(ctx)
	if err != nil {
		return err
	}
	name := naming.Domain(b.Tenant, b.Request.Name)
	others := room.Besides(func(a host.Allotment) bool { return a.Name == name })
	return b.p.full(b.Request.Name, others.Lacks(DemandOf(b.Blueprint)))
}

// manyClaims is more claims than a process makes at once.
const manyClaims = 1 << 20

// unfitError says that a domain was defined, and that the host has no room for it or could not be
// asked. So nothing of the same name was in the way.
type unfitError struct {
	error
	gone bool // the domain was removed
}

func (e *unfitError) Unwrap() error { return e.error }

// roomClaim is a domain that is about to claim room on the host.
type roomClaim struct {
	p      *Provisioner
	driver kind.Driver
	name   string // of the instance
	uuid   string
	asked  Demand
	define func(context.Context) error
}

// defineWithin defines the domain of a new instance, if it fits on the host; see roomClaim.defineWithin.
func (b *build) defineWithin(ctx context.Context) error {
	return roomClaim{
		b.p, b.driver, b.Request.Name, b.UUID, DemandOf(b.Blueprint), b.defineDomain,
	}.defineWithin(ctx)
}

// defineWithin defines the domain, if it fits on the host together with all others. A FullError says
// that it does not, and is not defined.
//
// Claims of one process that are made at once may all see each other, and all be refused. So one that
// was refused among others tries again alone. Claims of other processes may still be in the way: these
// callers try again, after pauses of different lengths.
func (c roomClaim) defineWithin(ctx context.Context) error {
	if c.p.limits == nil {
		return c.define(ctx)
	}
	if c.p.claims.TryAcquire(manyClaims) {
		defer c.p.claims.Release(manyClaims)
		return c.defineAndLook(ctx)
	}
	err := c.defineAmong(ctx, 1)
	if unfit, is := errors.AsType[*unfitError](err); is && unfit.gone {
		return c.defineAmong(ctx, manyClaims)
	}
	return err
}

// defineAmong is defineAndLook with that share of all claims that may be made at once.
func (c roomClaim) defineAmong(ctx context.Context, share int64) error {
	if err := c.p.claims.Acquire(ctx, share); err != nil {
		return err
	}
	defer c.p.claims.Release(share)
	return c.defineAndLook(ctx)
}

// defineAndLook defines the domain, looks at all domains, and keeps this one only if all of them fit.
// After an error of the look itself, the undo of the caller removes the domain.
func (c roomClaim) defineAndLook(ctx context.Context) error {
	if err := c.define(ctx); err != nil {
		return err
	}
	room, err := c.p.look(ctx)
	if err != nil {
		return &unfitError{err, false}
	}
	others, own := room.Without(c.uuid)
	own = Demand{VCPUs: max(own.VCPUs, c.asked.VCPUs), MemoryMB: max(own.MemoryMB, c.asked.MemoryMB)}
	if err = c.p.full(c.name, others.Lacks(own)); err == nil {
		return nil
	}
	// At once, so that no other claim is refused for it.
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	left := c.p.removeDomain(undo, c.driver, c.uuid)
	return &unfitError{errors.Join(err, left), left == nil}
}
