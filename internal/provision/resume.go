package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// resumable finds the snapshot that the guest is to be resumed from, if its strategy says so. If there
// is none, it is made. A guest that cannot be resumed boots, unless its user has excluded that.
func (b *build) resumable(ctx context.Context) error {
	if !b.Strategy.Resumes() || !b.driver.Capabilities().Resume || b.Request.Boots || !b.Request.Running {
		return nil
	}
	v := b.Blueprint.Version
	if v.Warm == nil {
		return b.instead(ctx, errors.New(noWarm(v)), false)
	}
	r, err := snapshotRequest(ctx, b.driver, v)
	if err != nil {
		return err
	}
	b.snapshot = r.Key()
	if err := b.roomFor(ctx); err != nil { // before a guest boots for a snapshot, on a host that is full
		return err
	}
	found, err := b.resumed(ctx, r)
	if err != nil {
		return b.instead(ctx, err, false) // there is no snapshot to blame
	}
	b.Resume = &kind.Resume{Snapshot: found.snapshot, Warm: *v.Warm, Disk: found.disk, Instead: b.instead}
	if found.disk.Name == "" {
		err = b.instead(ctx, fmt.Errorf("the disk of the warm snapshot is gone: %w", host.ErrNoVolume), true)
		b.Resume = nil
	}
	return err
}

// resumption is what guests are resumed from.
type resumption struct {
	snapshot catalog.Snapshot
	disk     host.Volume // of the snapshot; zero if it is gone
}

// resumed is the snapshot that a request asks for. It is made if there is none, or if there is one that
// has become unusable, but not if it could not be made before. Instances that are created together share
// the work. It takes no more than half of the time, so that the guest can boot instead.
func (b *build) resumed(ctx context.Context, r warm.Request) (resumption, error) {
	ctx, cancel := context.WithTimeout(ctx, kind.HalfTime(ctx))
	defer cancel()
	return b.p.snapshots.Do(ctx, r.Key(), func() (found resumption, err error) {
		store, maker := b.p.library.Images.Warm(), b.p.maker(b.driver, b.Blueprint.Version)
		made := func(ctx context.Context, claimed catalog.Snapshot) (catalog.Snapshot, error) {
			b.announce(ctx) // it takes long
			return maker(ctx, claimed)
		}
		found.snapshot, err = store.Make(ctx, r, made)
		unusable, is := errors.AsType[*warm.UnusableError](err)
		if is && unusable.Snapshot.State == catalog.SnapshotReady {
			r.Remake = true
			found.snapshot, err = store.Make(ctx, r, made)
		}
		if err != nil {
			return found, err
		}
		found.disk, err = b.p.host.Volume(ctx, b.Pool.Name, naming.WarmDisk(found.snapshot.Stem))
		if errors.Is(err, host.ErrNoVolume) {
			err = nil
		}
		return found, err
	})
}

// instead notes why the guest boots that was to be resumed, and that the snapshot may be to blame. It
// returns an error if the guest may not boot, or if there is no time left for it.
func (b *build) instead(ctx context.Context, cause error, faulty bool) error {
	if ctx.Err() != nil {
		return cause
	}
	if b.Resume != nil && faulty && !b.noted {
		b.noted = true
		b.p.faulty.Store(b.Resume.Snapshot.Stem, nil)
		// That the count is not exact is no error.
		_ = b.p.library.Images.Warm().NoteFailure(ctx, b.snapshot, b.Resume.Snapshot)
	}
	if b.Request.OnNoWarm == kind.NoWarmFail {
		return fmt.Errorf("the guest cannot be resumed, and on_no_warm is %q: %w", kind.NoWarmFail, cause)
	}
	b.record.Booted = cause
	return nil
}

// noteResumed notes that the guest was resumed, if it was. That the count is not exact is no error.
func (b *build) noteResumed(ctx context.Context) {
	if b.Resume == nil {
		return
	}
	snapshot := b.Resume.Snapshot
	if _, failed := b.p.faulty.LoadAndDelete(snapshot.Stem); failed { // since the snapshot was read
		snapshot.Failures++
	}
	_ = b.p.library.Images.Warm().NoteResumed(ctx, b.snapshot, snapshot)
}
