package fleet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// MovingError says that another process is moving an instance.
type MovingError struct{ catalog.Placement }

func (e *MovingError) Error() string {
	return fmt.Sprintf("process %s has been moving instance %q from host %s to host %s since %s: wait until it has "+
		"ended. If it is dead, any plan or apply from %s on settles what it has begun", lease.Show(e.Runner), e.Name,
		e.From, e.To, e.Since.Format("15:04:05"), e.Lease().Expires().Format("15:04:05 MST"))
}

// settled settles the move of a placement if the process that began it is dead. It returns a *MovingError
// if that is not certain.
func (f *Fleet) settled(
	ctx context.Context, rec catalog.Record[catalog.Placement],
) (catalog.Record[catalog.Placement], error) {
	now, err := f.clock(ctx)
	if err != nil {
		return rec, err
	}
	if !rec.Value.Abandoned(now) {
		return rec, &MovingError{rec.Value}
	}
	taken := rec.Value
	taken.Hold(lease.New(ctx, now))
	mine, err := f.placements.Replace(ctx, rec.Key, rec.Revision, taken)
	if errors.Is(err, catalog.ErrConflict) { // another process settles it, or has done so
		found, err := f.placements.Get(ctx, rec.Key)
		if err == nil && found.Value.State == catalog.PlacementMoving {
			err = &MovingError{found.Value}
		}
		return found, err
	}
	if err != nil {
		return rec, err
	}
	return f.complete(ctx, mine)
}

// complete ends a move of this process's own, in the way that its placement says: it removes the instance
// from the host that does not have it. If it cannot, any process may try again at once.
func (f *Fleet) complete(
	ctx context.Context, rec catalog.Record[catalog.Placement],
) (catalog.Record[catalog.Placement], error) {
	rec, failed := f.arrived(ctx, rec)
	to := rec.Value
	if failed == nil {
		to, failed = f.withoutLost(ctx, rec.Value)
	}
	if failed == nil {
		failed = f.clear(ctx, to)
	}
	if failed == nil {
		settle(&to, to.UUID, to.Host)
	} else {
		to.Hold(lease.Lease{})
	}
	written, err := f.placements.Replace(ctx, rec.Key, rec.Revision, to)
	if err != nil {
		return rec, errors.Join(failed, err)
	}
	if has, known := f.Member(to.Host); known && failed == nil {
		// Last, and nothing depends on it: while it is there, each look at the instance asks the placement.
		_ = has.silence.ask(func() error { return has.Note(ctx, to.UUID, "") })
	}
	return written, failed
}

// withoutLost is the placement of a move that was committed to a host which is lost by now. If the host that
// the instance came from still has all of it, the instance is there: its guest is only started on the other host
// after this one has nothing of it any more. The guest of a live move has run there, but its disks are only left
// as they were when it went away.
func (f *Fleet) withoutLost(ctx context.Context, p catalog.Placement) (catalog.Placement, error) {
	to, known := f.Member(p.To)
	from, there := f.Member(p.From)
	if p.Host != p.To || !known || !to.lost() || !there || from.lost() {
		return p, nil
	}
	var whole bool
	err := from.silence.ask(func() (err error) { whole, err = from.Whole(ctx, p.UUID); return err })
	if whole {
		p.Host = p.From
	}
	return p, err
}

// clear removes what a move has left of an instance on the host that does not have it.
func (f *Fleet) clear(ctx context.Context, p catalog.Placement) error {
	from, to, err := f.ends(p) // also the one that stays as it is: both may share a pool
	if err != nil {
		return err
	}
	at := to
	if p.Host == p.To {
		at = from
	}
	if err := unlessLost(at.silence.ask(func() error { return at.Abandon(ctx, p.UUID) })); err != nil {
		return fmt.Errorf("removing what the move of instance %q has left on host %s: %w", p.Name, at.Name, err)
	}
	return nil
}

// lacksEnd says that the provider lacks a host between which an instance moves.
func (f *Fleet) lacksEnd(p catalog.Placement) error {
	return fmt.Errorf("instance %q was being moved between the hosts %q and %q, and the provider has only: %s", p.Name,
		p.From, p.To, strings.Join(f.Names(), ", "))
}

// follow returns an instance that was found on a member with the note of a move where its placement says
// that it is. It settles a move of a dead process. While another process moves the instance, it returns a
// *MovingError if the instance is to be changed.
func (f *Fleet) follow(
	ctx context.Context, found kind.Instance, on *Member, changes bool, read func(*Member) (kind.Instance, error),
) (kind.Instance, *Member, error) {
	rec, err := f.placements.Get(ctx, catalog.PlacementKey(found.Facts.Tenant, found.Facts.Name))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && rec.Value.UUID != found.UUID {
		return found, on, nil
	}
	if err == nil && rec.Value.State == catalog.PlacementMoving {
		rec, err = f.settled(ctx, rec)
		_, alive := errors.AsType[*MovingError](err)
		if !changes && (alive || host.Unanswered(err)) {
			err = nil
		}
	}
	if err != nil {
		return found, on, err
	}
	has, known := f.Member(rec.Value.Host)
	if !known {
		return found, on, &UnknownHostError{"instance " + found.UUID, rec.Value.Host, f.Names()}
	}
	i, err := has.read(read)
	if isLost(err) {
		err = &LostError{has.State(), "instance " + found.UUID}
	}
	return i, has, err
}

// moving reports what keeps the placement of an instance from being changed: another process that moves the
// instance. What a dead process has begun is settled.
func (f *Fleet) moving(ctx context.Context, key string) error {
	rec, err := f.placements.Get(ctx, key)
	if err == nil && rec.Value.State == catalog.PlacementMoving {
		_, err = f.settled(ctx, rec)
	}
	return catalog.IgnoreNotFound(err)
}

var errMoving = errors.New("the instance is being moved")
