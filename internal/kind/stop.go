package kind

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Stop asks a guest to shut down, and again every Nudge, because a guest that is still booting hears
// nothing. It waits up to grace for that, and then switches the guest off. It is not an error if the
// guest is off or gone.
func Stop(
	ctx context.Context, domains host.Domains, uuid string, grace time.Duration, ask func(context.Context),
) error {
	var asked time.Time
	for deadline := time.Now().Add(grace); grace > 0 && time.Now().Before(deadline); {
		state, err := domains.DomainState(ctx, uuid)
		switch {
		case errors.Is(err, host.ErrNoDomain):
			return nil
		case err != nil:
			return err
		case state == host.StateShutoff:
			return nil
		case state != host.StateRunning && state != host.StateShuttingDown:
			deadline = time.Now() // paused or crashed: it will not hear
			continue
		}
		if time.Since(asked) >= Nudge {
			asked = time.Now()
			ask(ctx)
		}
		if err := Pause(ctx, Poll); err != nil {
			return err
		}
	}
	if err := domains.DestroyDomain(ctx, uuid); err != nil && !errors.Is(err, host.ErrNoDomain) {
		return err
	}
	return nil
}

// ShutDown stops an instance that gets another image; its undo starts it again.
func (b *Build) ShutDown(ctx context.Context, d Runner, before Instance) error {
	if !before.Running() {
		return nil
	}
	b.UndoLater(func(ctx context.Context) error {
		_, err := d.Start(ctx, before)
		return err
	})
	return d.Stop(ctx, b.UUID, HalfTime(ctx))
}
