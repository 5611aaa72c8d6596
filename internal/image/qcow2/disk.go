package qcow2

import (
	"context"
	"errors"
	"io"

	container "github.com/lima-vm/go-qcow2reader/image"
	format "github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Disk is the disk in a qcow2 image. The package finds its data by the tables, because the library
// would look at each cluster of the disk. The library reads it.
type Disk struct {
	origin image.Origin
	tables *tables
	file   *wholeClusters
	disk   *format.Qcow2
}

// Open opens the disk in a qcow2 image that CheckHeader has accepted: one without a backing file,
// in a file of size bytes. Errors are those of CheckWhole.
func Open(ctx context.Context, o image.Origin, r io.ReaderAt, size int64) (*Disk, error) {
	t, err := newTables(ctx, o, r, size)
	if err != nil {
		return nil, err
	}
	d := &Disk{origin: o, tables: t, file: &wholeClusters{r: r, size: size}}
	d.disk, err = format.Open(d.file, func(io.ReaderAt, container.Type) (container.Image, error) {
		return nil, errors.New("it has a backing file")
	})
	if err == nil {
		err = d.disk.Readable()
	}
	if err != nil {
		return nil, d.Unread(err)
	}
	return d, nil
}

// Size is how many bytes the disk has.
func (d *Disk) Size() int64 { return d.disk.Size() }

// ReadAt implements io.ReaderAt. Unread says what an error means.
func (d *Disk) ReadAt(p []byte, offset int64) (int, error) { return d.disk.ReadAt(p, offset) }

// Unread says why what ReadAt was to read is missing: the file could not be read, or is damaged.
func (d *Disk) Unread(err error) error {
	if d.file.err != nil {
		return d.origin.Unread(d.file.err)
	}
	return d.origin.NotImage(adviceDamaged, "a cluster of it cannot be read (%v)", err)
}

// Data passes on the stretches of the disk that may not be zeros, in order. It ends with ctx, and
// with an error of do, which it returns.
func (d *Disk) Data(ctx context.Context, do func(image.Extent) error) error {
	return d.tables.data(ctx, do)
}

// maxStretch is how long a stretch of data is at most, in bytes, so that tables are not read far
// ahead of the data.
const maxStretch = 1 << 30

// data passes on the stretches of the disk that may not be zeros.
func (t *tables) data(ctx context.Context, do func(image.Extent) error) error {
	t.ctx, t.read = ctx, 0
	var next image.Extent
	err := t.clusters(func(c cluster) error {
		if !c.data || c.disk >= t.disk {
			return nil
		}
		e := image.Extent{Offset: int64(c.disk), Length: int64(min(t.cluster, t.disk-c.disk))}
		if next.End() == e.Offset && next.Length > 0 && next.Length < maxStretch {
			next.Length += e.Length
			return nil
		}
		before := next
		next = e
		if before.Length == 0 {
			return nil
		}
		return do(before)
	})
	if err == nil && next.Length > 0 {
		err = do(next)
	}
	return err
}

// wholeClusters is the file of a qcow2 image, whose last cluster may be cut short: what is missing
// reads as zeros, as in QEMU.
type wholeClusters struct {
	r    io.ReaderAt
	size int64
	err  error // with which reading the file ended
}

// ReadAt implements io.ReaderAt.
func (w *wholeClusters) ReadAt(p []byte, offset int64) (int, error) {
	inside := p[:max(0, min(int64(len(p)), w.size-offset))]
	if n, err := w.r.ReadAt(inside, offset); n < len(inside) {
		if err == nil || image.Ended(err) {
			err = image.ErrChanged // the file has become shorter
		}
		w.err = err
		return n, err
	}
	clear(p[len(inside):])
	return len(p), nil
}
