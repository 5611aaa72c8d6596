// Package volumes creates, deletes and reads the volumes of images in one pool of a host, and does
// what else they need.
package volumes

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// watchInterval is how often an operation on a volume that the host considers in use is tried
// again.
const watchInterval = 250 * time.Millisecond

// VolumeAt finds the volume of a file.
func (p *Pool) VolumeAt(ctx context.Context, file string) (host.Volume, error) {
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

// VolumeNames lists all volumes that are in the pool now, in no particular order.
func (p *Pool) VolumeNames(ctx context.Context) ([]string, error) {
	if err := p.host.RefreshPool(ctx, p.name); err != nil {
		return nil, err
	}
	return p.host.VolumeNames(ctx, p.name)
}

// CheckLinks makes sure that a volume needs no other file than the one that the host has found it
// to stand on, and that the volume names that file with its format: libvirt does not report data
// files, and guesses formats.
func (p *Pool) CheckLinks(ctx context.Context, v host.Volume) error {
	switch v.Format {
	case string(image.FormatRaw):
		return nil
	case string(image.FormatQcow2):
	default:
		return fmt.Errorf("volume %q of pool %q is a %s image, and only raw and qcow2 can be read",
			v.Name, v.Pool, v.Format)
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
		return fmt.Errorf("%s stands on %q by its header, and on %q as the host sees it",
			volume, links.Backing, BackingPath(v))
	case links.Backing == "":
		return nil
	case strings.HasPrefix(links.Backing, "json:"):
		return fmt.Errorf("%s stands on what its header describes as %q, which is not a path", volume, links.Backing)
	case links.Format == "":
		return fmt.Errorf("%s stands on %s, and its header does not say in which format: say so with qemu-img rebase "+
			"-u -F FORMAT", volume, v.Backing.Path)
	case links.Format != v.Backing.Format:
		return fmt.Errorf("%s stands on %s as a %s image by its header, and as a %s one as the host sees it",
			volume, v.Backing.Path, links.Format, v.Backing.Format)
	}
	return nil
}

// DeleteVolume deletes a volume. Deleting a volume that is already gone is not an error. The host
// refuses while it considers the volume in use: for a moment after a connection that sent it was
// closed, and while it is copied. So DeleteVolume tries until ctx ends.
func (p *Pool) DeleteVolume(ctx context.Context, name string) error {
	for {
		err := p.host.DeleteVolume(ctx, p.name, name)
		if errors.Is(err, host.ErrNoVolume) {
			return nil
		}
		if !errors.Is(err, host.ErrOperationInvalid) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(watchInterval):
		}
	}
}

// StandsOn checks that a base's volume stands on its parent's, and otherwise returns a
// *NotStandingError: no digest covers what the volume's header says.
func (p *Pool) StandsOn(ctx context.Context, volume host.Volume, parent catalog.Base) error {
	on, err := p.host.Volume(ctx, p.name, parent.Volume)
	if err == nil && (volume.Backing == nil || *volume.Backing != host.Backing{Path: on.Path, Format: parent.Format}) {
		err = &NotStandingError{On: on.Path}
	}
	return err
}

// StoreBlocks puts the map of a base's disk beside its volume, unless it is there.
func (p *Pool) StoreBlocks(ctx context.Context, transfer host.Transfer, volume string, m *blockmap.Map) error {
	name, size := naming.BlockMap(volume), m.FileSize()
	// Not interrupted, as the creation of the base's own volume is not.
	err := step.Completed(ctx, func(ctx context.Context) error {
		_, err := p.host.CreateVolume(ctx, p.name, host.VolumeSpec{Name: name, Format: "raw", Capacity: uint64(size)})
		return err
	})
	if errors.Is(err, host.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() {
		_, err := m.WriteTo(w)
		_ = w.CloseWithError(err)
	}()
	defer r.Close()
	lent := &lentReader{r: r}
	defer lent.giveBack()
	return transfer.Upload(ctx, p.name, name, lent, 0, size)
}

// IsVolume reports whether a file of this machine is that of an empty volume. A path proves
// nothing: the host may be another machine, or see other files at the same paths. So the host
// writes bytes that cannot be guessed, and they must appear in the file that was opened before.
// IsVolume does not write to the file itself, because it might belong to anyone.
func (p *Pool) IsVolume(ctx context.Context, volume string, file *os.File) (bool, error) {
	mark := []byte(rand.Text())[:MarkSize]
	if err := p.host.WriteVolume(ctx, p.name, volume, mark); err != nil {
		return false, err
	}
	found := make([]byte, MarkSize)
	_, err := file.ReadAt(found, 0)
	return err == nil && bytes.Equal(found, mark), nil
}

// CheckRoom refuses an image that the pool has no room for: a pool that runs full may truncate
// silently. It returns the free room in bytes.
func (p *Pool) CheckRoom(ctx context.Context, size int64) (room int64, err error) {
	if err := p.host.RefreshPool(ctx, p.name); err != nil { // else the host reports what was free some time ago
		return 0, err
	}
	pool, err := p.host.Pool(ctx, p.name)
	if err != nil {
		return 0, err
	}
	room = int64(min(pool.Available, math.MaxInt64))
	if size > room {
		return room, fmt.Errorf("storing the image in pool %q: it takes %d MiB and the pool has %d MiB left: make "+
			"room, or use another pool",
			p.name, size>>20, room>>20)
	}
	return room, nil
}

// CheckCapacity returns an error, while planning, if an image of size bytes is larger than the pool
// would hold if it were empty. Free room is checked when the image is stored.
func (p *Pool) CheckCapacity(ctx context.Context, s source.Source, size int64) error {
	if size <= 0 {
		return nil
	}
	pool, err := p.host.Pool(ctx, p.name)
	if err != nil || pool.Capacity == 0 || uint64(size) <= pool.Capacity {
		return nil //nolint:nilerr // whatever else is read of the pool says so
	}
	tooLarge := fmt.Errorf("it has %d MiB, and the pool %q has a capacity of %d MiB",
		size>>20, p.name, pool.Capacity>>20)
	return source.Origin(s).Failed("storing", tooLarge,
		"Use another pool; a disk that is mostly empty takes less as qcow2: qemu-img convert -O qcow2 IMAGE NEW.qcow2.")
}

// NotStandingError says that a volume does not stand on the one that it should.
type NotStandingError struct{ On string } // a path

func (e *NotStandingError) Error() string { return "it does not stand on " + e.On }

// MarkSize is how many bytes identify a volume: too many to be the same by chance.
const MarkSize = 26

// headSize is how many bytes of a qcow2 image are searched for the names of other files: QEMU
// writes them in the first few hundred.
const headSize = 64 << 10

// BackingPath is the path of what a volume stands on, "" for nothing.
func BackingPath(v host.Volume) string {
	if v.Backing == nil {
		return ""
	}
	return v.Backing.Path
}
