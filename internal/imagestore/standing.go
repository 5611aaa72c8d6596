package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// When the host reads a volume, it also reads what the volume stands on. The guest of a raw disk
// can write its first bytes, and anyone who has access to the pool can write those of any other
// volume. So before the host copies a disk, everything that it would read has to match what is
// known from elsewhere: the format from the domain's definition, and the chain below from the
// library. Neither may come from what the host has detected itself.

// maxChain is more than libvirt itself follows; files may stand on each other without end.
const maxChain = 200

// lineage is what an instance's disks may stand on.
type lineage struct {
	pool   *volumes.Pool
	chains chainReader
	// snapshots lists the warm snapshots of a digest's image.
	snapshots func(ctx context.Context, digest string) ([]catalog.Record[catalog.Snapshot], error)
	facts     metadata.Facts
}

// chain lists the files that an instance's disk is in: its own, the one that this stands on, and so
// on. Each of them is what the one above it, or the definition, names.
func (l lineage) chain(ctx context.Context, disk host.DomainDisk) ([]host.Volume, error) {
	var chain []host.Volume
	for next := (&host.Backing{Path: disk.Path, Format: disk.Format}); next != nil; {
		if len(chain) > maxChain {
			return nil, fmt.Errorf("volume %q stands on more than %d others", chain[0].Name, maxChain)
		}
		v, err := l.pool.VolumeAt(ctx, next.Path)
		if err == nil && len(chain) > 0 {
			err = l.mayStandOn(ctx, chain[len(chain)-1], v)
		}
		if err == nil {
			err = v.As(next.Format)
		}
		if err == nil {
			err = l.pool.CheckLinks(ctx, v)
		}
		if err != nil {
			return nil, err
		}
		chain, next = append(chain, v), v.Backing
	}
	return chain, nil
}

// mayStandOn checks that an instance's disk may be read together with a volume that it stands on.
// That volume must be the image that the instance was created from, the disk of a warm snapshot of
// it, a disk of its tenant, or not novacron's: every tenant may read such a volume as a source.
func (l lineage) mayStandOn(ctx context.Context, above, v host.Volume) error {
	refused := fmt.Errorf("volume %q of pool %q stands on volume %q of pool %q, which is neither the image that the "+
		"instance was made of nor a disk of its tenant: it was replaced", above.Name, above.Pool, v.Name, v.Pool)
	switch {
	case !naming.IsOwn(v.Name), naming.IsDiskOf(l.facts.Tenant, v.Name):
		return nil
	case !naming.IsBase(v.Name) && !naming.IsWarmDisk(v.Name):
		return refused
	case l.facts.Library != "" && l.facts.Library != l.pool.Name(): // another library has its documents
		if v.Pool != l.facts.Library {
			return refused
		}
		return nil
	}
	of, err := l.madeOf(ctx)
	if err != nil {
		return fmt.Errorf("looking up the image that the instance was made of: %w", err)
	}
	if v.Pool != l.pool.Name() || !slices.Contains(of, v.Name) {
		return refused
	}
	return nil
}

// madeOf lists the volumes that the instance may have been created from: those of its image, and the
// disks of the warm snapshots of that.
func (l lineage) madeOf(ctx context.Context) (of []string, err error) {
	chain, err := l.chains.of(ctx, l.facts.Digest)
	if err != nil {
		return nil, err
	}
	for _, base := range chain {
		of = append(of, base.Volume)
	}
	snapshots, err := l.snapshots(ctx, l.facts.Digest)
	return append(of, warmDisks(snapshots)...), err
}

// Volume finds the volume of a base, and checks that the host sees it as it was stored.
func (st *Store) Volume(ctx context.Context, base catalog.Base) (host.Volume, error) {
	v, err := st.host.Volume(ctx, st.poolName, base.Volume)
	if err != nil {
		return v, err
	}
	if err := v.As(base.Format); err != nil {
		return v, damaged(st, base, err.Error())
	}
	if (v.Backing != nil) != (base.Parent != "") {
		return v, damaged(st, base, fmt.Sprintf("it stands on %q", volumes.BackingPath(v)))
	}
	return v, nil
}

// stands checks that the stored volume needs the parent's volume, or nothing.
func (u *upload) stands(ctx context.Context, volume host.Volume) error {
	err := u.store.pool.CheckLinks(ctx, volume)
	switch {
	case err != nil:
	case u.base.Parent != "":
		err = u.store.pool.StandsOn(ctx, volume, u.parent)
	case volume.Backing != nil:
		err = fmt.Errorf("it stands on %s", volume.Backing.Path)
	}
	return u.blame(volume, err)
}

// blame says what was wrong with what was stored. It blames the source if it is another image than
// the one that was looked at, but not if the host did not tell.
func (u *upload) blame(volume host.Volume, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("storing the image in volume %q of pool %q: %w", volume.Name, u.store.poolName, err)
	_, failed := errors.AsType[*host.Error](err)
	if failed || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w. What was sent is not what was looked at before: find out what writes to its "+
		"source; nothing was registered", err)
}
