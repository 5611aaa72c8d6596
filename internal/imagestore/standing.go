package imagestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// What a volume stands on is read by the host along with it. The first bytes of a raw disk are its guest's to write, and
// those of any other volume may be written by somebody who has the pool. So before the host copies a disk, all that it
// would read has to be what is known from elsewhere: the format from the domain's definition, what is below from the
// library, and of neither what the host has found by itself.

// maxChain is more than what libvirt itself follows; files that stand on each other have no end.
const maxChain = 200

// lineage is what an instance's disks may stand on.
type lineage struct {
	*Store
	facts metadata.Facts
}

// chain lists the files that an instance's disk is in: its own, the one that stands on, and so on. Each of them is what
// the one above it, or the definition, says.
func (l lineage) chain(ctx context.Context, disk host.DomainDisk) ([]host.Volume, error) {
	var chain []host.Volume
	for next := (&host.Backing{Path: disk.Path, Format: disk.Format}); next != nil; {
		if len(chain) > maxChain {
			return nil, fmt.Errorf("volume %q stands on more than %d others", chain[0].Name, maxChain)
		}
		v, err := l.volumeAt(ctx, next.Path)
		if err == nil && len(chain) > 0 {
			err = l.mayStandOn(ctx, chain[len(chain)-1], v)
		}
		if err == nil {
			err = v.As(next.Format)
		}
		if err == nil {
			err = l.checkLinks(ctx, v)
		}
		if err != nil {
			return nil, err
		}
		chain, next = append(chain, v), v.Backing
	}
	return chain, nil
}

// volumeAt finds the volume of a file.
func (p *Pool) volumeAt(ctx context.Context, file string) (host.Volume, error) {
	pools, err := p.host.Pools(ctx)
	if err != nil {
		return host.Volume{}, err
	}
	for _, pool := range pools {
		if pool.Active && pool.Path == path.Dir(file) {
			if err := p.host.RefreshPool(ctx, pool.Name); err != nil {
				return host.Volume{}, err
			}
			return p.host.Volume(ctx, pool.Name, path.Base(file))
		}
	}
	return host.Volume{}, fmt.Errorf("no active pool has the file %s: %w", file, host.ErrNoVolume)
}

// mayStandOn makes sure that an instance's disk may be read together with a volume that it stands on: the image that the
// instance was made of, a disk of its tenant, or what is not novacron's, which every tenant may read as a source's volume.
func (l lineage) mayStandOn(ctx context.Context, above, v host.Volume) error {
	refused := fmt.Errorf("volume %q of pool %q stands on volume %q of pool %q, which is neither the image that the instance was made of "+
		"nor a disk of its tenant: it was replaced", above.Name, above.Pool, v.Name, v.Pool)
	switch {
	case !naming.IsOwn(v.Name), naming.IsDiskOf(l.facts.Tenant, v.Name):
		return nil
	case !naming.IsBase(v.Name):
		return refused
	case l.facts.Library != "" && l.facts.Library != l.pool: // its documents are another library's
		if v.Pool != l.facts.Library {
			return refused
		}
		return nil
	}
	chain, err := l.Chain(ctx, l.facts.Digest)
	if err != nil {
		return fmt.Errorf("looking up the image that the instance was made of: %w", err)
	}
	if v.Pool != l.pool || !slices.ContainsFunc(chain, func(b catalog.Base) bool { return b.Volume == v.Name }) {
		return refused
	}
	return nil
}

// headSize is how many bytes of a qcow2 image are looked at for the names of other files: what QEMU writes is in the first
// few hundred.
const headSize = 64 << 10

// checkLinks makes sure that a volume needs no other file than the one that the host has found it to stand on, and names
// that with its format: libvirt does not tell of data files, and guesses formats.
func (p *Pool) checkLinks(ctx context.Context, v host.Volume) error {
	switch v.Format {
	case string(image.FormatRaw):
		return nil
	case string(image.FormatQcow2):
	default:
		return fmt.Errorf("volume %q of pool %q is a %s image, and only raw and qcow2 can be read", v.Name, v.Pool, v.Format)
	}
	head, err := p.host.ReadVolumeAt(ctx, v.Pool, v.Name, 0, headSize)
	if err != nil {
		return err
	}
	links, err := qcow2.ReadLinks(image.Volume(v.Pool, v.Name), bytes.NewReader(head))
	if err != nil {
		return err
	}
	volume := fmt.Sprintf("volume %q of pool %q", v.Name, v.Pool)
	switch {
	case links.Data:
		return fmt.Errorf("%s has its data in another file", volume)
	case (links.Backing != "") != (v.Backing != nil):
		return fmt.Errorf("%s stands on %q by its header, and on %q as the host sees it", volume, links.Backing, backingPath(v))
	case links.Backing == "":
		return nil
	case strings.HasPrefix(links.Backing, "json:"):
		return fmt.Errorf("%s stands on what its header describes as %q, which is not a path", volume, links.Backing)
	case links.Format == "":
		return fmt.Errorf("%s stands on %s, and its header does not say in which format: say so with qemu-img rebase -u -F FORMAT", volume, v.Backing.Path)
	case links.Format != v.Backing.Format:
		return fmt.Errorf("%s stands on %s as a %s image by its header, and as a %s one as the host sees it", volume, v.Backing.Path, links.Format,
			v.Backing.Format)
	}
	return nil
}

func backingPath(v host.Volume) string {
	if v.Backing == nil {
		return ""
	}
	return v.Backing.Path
}

// BaseVolume finds the volume of a base, and makes sure that it is, as the host sees it, what was stored.
func (st *Store) Volume(ctx context.Context, base catalog.Base) (host.Volume, error) {
	v, err := st.host.Volume(ctx, st.pool, base.Volume)
	if err != nil {
		return v, err
	}
	if err := v.As(base.Format); err != nil {
		return v, damaged(st, base, err.Error())
	}
	if (v.Backing != nil) != (base.Parent != "") {
		return v, damaged(st, base, fmt.Sprintf("it stands on %q", backingPath(v)))
	}
	return v, nil
}

// stands makes sure that what was stored needs the parent's volume, or nothing.
func (u *upload) stands(ctx context.Context, volume host.Volume) error {
	err := u.store.checkLinks(ctx, volume)
	switch {
	case err != nil:
	case u.base.Parent != "":
		err = u.store.standsOn(ctx, volume, u.parent)
	case volume.Backing != nil:
		err = fmt.Errorf("it stands on %s", volume.Backing.Path)
	}
	return u.blame(volume, err)
}

// blame says what was wrong with what was stored: the source where it is another image than was looked at, and not where the host
// did not tell.
func (u *upload) blame(volume host.Volume, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("storing the image in volume %q of pool %q: %w", volume.Name, u.store.pool, err)
	_, failed := errors.AsType[*host.Error](err)
	if failed || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w. What was sent is not what was looked at before: find out what writes to its source; nothing "+
		"was registered", err)
}
