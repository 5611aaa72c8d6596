package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// libvirt does not report the time. But a new volume has a creation time, by the clock of the
// machine that stores its pool: the host, or a file server. So each volume that CreateVolume
// creates shows the time of its pool.

// clockLeft is the age from which the creator of such a volume counts as dead, if its mark does not
// tell.
const clockLeft = time.Minute

// reading is what a pool's clock showed, no later than at a moment here.
type reading struct{ there, here time.Time }

// now returns the time there, or a little earlier. This machine's wall clock does not matter,
// because time.Since uses a clock that is never set.
func (r reading) now() time.Time { return r.there.Add(time.Since(r.here)).UTC() }

// clockTrust is how far this machine's two clocks may have drifted apart since a reading before the
// reading counts as unknown. While a machine sleeps, its clock that is never set stands still, and a
// reading falls behind. Leases allow for a minute (lease.Slack).
const clockTrust = time.Minute

// drifted reports whether a reading is of no use, by its ages on this machine's two clocks.
func drifted(wall, monotonic time.Duration) bool { return (wall - monotonic).Abs() > clockTrust }

// reading returns the last reading of a pool's clock, if there is one that can be used.
func (s *Volumes) reading(pool string) (r reading, ok bool) {
	known, ok := s.clocks.Load(pool)
	if !ok {
		return r, false
	}
	r = known.(reading)
	return r, !drifted(time.Now().Round(0).Sub(r.here.Round(0)), time.Since(r.here))
}

// readClock reads the time from a new volume, unless the pool's clock is known. The volume was
// created before the moment created.
func (s *Volumes) readClock(ctx context.Context, pool, volume string, created time.Time) error {
	if _, known := s.reading(pool); known {
		return nil
	}
	v, err := s.Volume(ctx, pool, volume)
	if err == nil && !v.Modified.IsZero() {
		s.clocks.Store(pool, reading{v.Modified, created})
	}
	return err
}

// Time returns the time of day by the clock of the machine that stores a pool's volumes, so that
// processes agree on it even if their own machines' clocks differ. It is never ahead of that clock,
// and behind it by no more than the time to create one volume, or by up to a minute if this machine
// has slept. It makes requests only if this Volumes has not created a volume in the pool yet, or the
// machine has slept for longer: then it creates one, and deletes it.
func (s *Volumes) Time(ctx context.Context, pool string) (time.Time, error) {
	if known, ok := s.reading(pool); ok {
		return known.now(), nil
	}
	name := naming.NewClock(s.tenant, lease.Mark())
	if _, err := s.CreateVolume(ctx, pool, host.VolumeSpec{Name: name, Format: "raw"}); err != nil {
		return time.Time{}, err
	}
	if err := s.DeleteVolume(context.WithoutCancel(ctx), pool, name); err != nil && !errors.Is(err, host.ErrNoVolume) {
		return time.Time{}, err
	}
	known, ok := s.reading(pool)
	if !ok {
		return time.Time{}, virterr.Fail("reading the clock of", virterr.Pool(pool),
			fmt.Errorf("its volumes do not tell when they were made: %w", host.ErrUnsupported))
	}
	now := known.now()
	s.clearClocks(ctx, pool, now)
	return now, nil
}

// clearClocks removes the volumes of processes that died while they asked for the time. If one
// cannot be removed now, or by this user, the next process that asks tries again.
func (s *Volumes) clearClocks(ctx context.Context, pool string, now time.Time) {
	left, _, err := s.Volumes(ctx, pool, naming.IsClock)
	if err != nil {
		return
	}
	for _, v := range left {
		if lease.MarkDead(naming.ClockMark(v.Name)) || now.Sub(v.Modified) >= clockLeft {
			_ = s.DeleteVolume(ctx, pool, v.Name)
		}
	}
}
