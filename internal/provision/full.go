package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
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

// defineWithin defines the domain, if it fits on the host together with all others. A FullError says
// that it does not, and is not defined.
//
// Claims of one process that are made at once may all see each other, and all be refused. So one that
// was refused among others tries again alone. Claims of other processes may still be in the way: these
// callers try again, after pauses of different lengths.
func (b *build) defineWithin(ctx context.Context) error {
	if b.p.limits == nil {
		return b.defineDomain(ctx)
	}
	if b.p.claims.TryAcquire(manyClaims) {
		defer b.p.claims.Release(manyClaims)
		return b.defineAndLook(ctx)
	}
	err := b.defineAmong(ctx, 1)
	if unfit, is := errors.AsType[*unfitError](err); is && unfit.gone {
		return b.defineAmong(ctx, manyClaims)
	}
	return err
}

// defineAmong is defineAndLook with that share of all claims that may be made at once.
func (b *build) defineAmong(ctx context.Context, share int64) error {
	if err := b.p.claims.Acquire(ctx, share); err != nil {
		return err
	}
	defer b.p.claims.Release(share)
	return b.defineAndLook(ctx)
}

// defineAndLook defines the domain, looks at all domains, and keeps this one only if all of them fit.
// After an error of the look itself, the undo of the build removes the domain.
func (b *build) defineAndLook(ctx context.Context) error {
	if err := b.defineDomain(ctx); err != nil {
		return err
	}
	room, err := b.p.look(ctx)
	if err != nil {
		return &unfitError{err, false}
	}
	others, own := room.Without(b.UUID)
	asked := DemandOf(b.Blueprint)
	own = Demand{VCPUs: max(own.VCPUs, asked.VCPUs), MemoryMB: max(own.MemoryMB, asked.MemoryMB)}
	if err = b.p.full(b.Request.Name, others.Lacks(own)); err == nil {
		return nil
	}
	// At once, so that no other claim is refused for it.
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	left := b.p.removeDomain(undo, b.driver, b.UUID)
	return &unfitError{errors.Join(err, left), left == nil}
}
