package ext4

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Base is a read-only file system as it is planned: how large it is, and what its first blocks
// have, which follows from everything behind them.
type Base struct {
	Size   int64 // bytes
	Data   int64 // bytes of it that are sent, or were sent: the others are zeros
	Inodes int   // files, directories and others

	options Options
	late    []late // in order
	sum     sum    // of everything else
}

// Plan reads all entries, and sends nothing. The entries may be read once more to Send the base
// from its beginning to its end. What Plan keeps of them is the superblock and the descriptors of
// groups: four KiB for each eight GiB or so.
func Plan(ctx context.Context, o Options, entries Entries) (*Base, error) {
	w, err := newWriter(o)
	if err != nil {
		return nil, err
	}
	for _, err := range w.pieces(entries, nil) {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, sending(ctx, o.Origin, err)
		}
	}
	return w.base(), nil
}

// Send passes the base to a sink in the order of its bytes, as transfer.Sink asks for. The entries
// are those that were planned; if they are not, the error is ErrChanged. It returns how many bytes
// were sent.
func (b *Base) Send(ctx context.Context, entries Entries, sink Sink) (sent int64, err error) {
	w, err := newWriter(b.options)
	if err != nil {
		return 0, err
	}
	sent, err = send(ctx, b.options.Origin, sink, w.pieces(entries, b), func(int64) int64 { return b.Size })
	if err != nil {
		return sent, err
	}
	return sent, w.base().same(b)
}

// ErrChanged is the error of Send for entries that make another file system than the planned one.
var ErrChanged = errors.New("the entries are not those that were planned")

func (b *Base) same(planned *Base) error {
	equal := slices.EqualFunc(b.late, planned.late, func(a, b late) bool {
		return a.block == b.block && slices.Equal(a.data, b.data)
	})
	if !equal || b.Size != planned.Size || b.sum != planned.sum {
		return fmt.Errorf("writing the file system of %s: %w", b.options.Origin, ErrChanged)
	}
	return nil
}

// SendOnce reads the entries only once, and passes the same bytes to a sink in another order: the
// descriptors of groups come after everything else, and the superblock last, so that what was not
// sent to its end is no file system. The sink may be as large as it likes: Base.Size is known at the
// end.
func SendOnce(ctx context.Context, o Options, entries Entries, sink Sink) (*Base, error) {
	w, err := newWriter(o)
	if err != nil {
		return nil, err
	}
	endOf := func(offset int64) int64 {
		if block := offset / BlockSize; !reserved(block) {
			return nextReserved(block) * BlockSize
		}
		return roundUp(offset+1, blocksPerGroup*BlockSize)
	}
	if _, err = send(ctx, o.Origin, sink, w.pieces(entries, nil), endOf); err != nil {
		return nil, err
	}
	return w.base(), nil
}

// writer makes a base.
type writer struct {
	options Options
	id      identity
	out     output
	cursor  cursor
	tree    tree
	content int64 // bytes of files, holes included
	unit    []byte
	late    []late
	size    int64
}

func newWriter(o Options) (*writer, error) {
	id, err := newIdentity(o.Label, o.Seed)
	if err != nil {
		return nil, err
	}
	return &writer{options: o, id: id, tree: newTree(), unit: make([]byte, unit)}, nil
}

// base describes what was written.
func (w *writer) base() *Base {
	return &Base{
		Size:    w.size,
		Data:    w.out.passed,
		Inodes:  len(w.tree.nodes),
		options: w.options,
		late:    w.late,
		sum:     w.out.sum,
	}
}

// pieces makes the base while it is read: in order if it is planned.
func (w *writer) pieces(entries Entries, planned *Base) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		w.out.yield = func(p piece) bool { return yield(p, nil) }
		if planned != nil {
			w.out.early = planned.late
		}
		if err := w.write(entries, planned); err != nil && err != errStopped { //nolint:errorlint // our own
			yield(piece{}, err)
		}
	}
}

func (w *writer) write(entries Entries, planned *Base) error {
	for {
		header, content, err := entries()
		if image.Ended(err) {
			break
		}
		if err == nil {
			err = w.add(header, content)
		}
		if err != nil {
			return w.unread(err)
		}
	}
	for _, name := range w.options.Directories {
		if err := w.need(name); err != nil {
			return err
		}
	}
	if err := w.directories(); err != nil {
		return err
	}
	if err := w.metadata(); err != nil {
		return err
	}
	if planned != nil {
		return w.out.finish()
	}
	// The superblock is the first of them, and goes last.
	if err := w.out.finish(); err != nil {
		return err
	}
	for _, l := range slices.Backward(w.late) {
		if err := errors.Join(w.out.put(l.block, l.data), w.out.flush()); err != nil {
			return err
		}
	}
	return nil
}

// unread blames the source for an error of reading it.
func (w *writer) unread(err error) error {
	if err == errStopped { //nolint:errorlint // our own
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = &image.CutError{Err: err}
	}
	return w.options.Origin.Unread(err)
}

// file stores the content of a file, and maps it.
func (w *writer) file(n *node, content io.Reader) error {
	var list extents
	for at := int64(0); at < n.size; at += unit {
		data := w.unit[:min(unit, n.size-at)]
		if _, err := io.ReadFull(content, data); err != nil {
			if image.Ended(err) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if isZero(data) {
			continue
		}
		if err := w.data(&list, at/BlockSize, data); err != nil {
			return err
		}
	}
	return n.mapped(list, w.id.sums, n.ino, w.store)
}

// data stores data as blocks of a file from logical on.
func (w *writer) data(list *extents, logical int64, data []byte) error {
	for len(data) > 0 {
		start, count := w.cursor.take(blocksFor(int64(len(data))))
		some := data[:min(int64(len(data)), count*BlockSize)]
		data = data[len(some):]
		list.add(logical, start, count)
		logical += count
		if err := w.out.write(start, some); err != nil {
			return err
		}
	}
	return nil
}

// store stores one block, and returns its number.
func (w *writer) store(data []byte) (int64, error) {
	at, _ := w.cursor.take(1)
	return at, w.out.write(at, data)
}

// directories stores all directories.
func (w *writer) directories() error {
	for _, n := range w.tree.nodes {
		if n.children == nil {
			continue
		}
		d := directory{sums: w.id.sums.ofInode(n.ino), self: n.ino, parent: n.parent.ino, seed: w.id.hashSeed}
		entries := make([]entry, 0, len(n.children))
		for name, child := range n.children {
			entries = append(entries, entry{name: name, ino: child.ino, kind: child.fileType()})
		}
		blocks, flags := d.encode(entries)
		var list extents
		for i, block := range blocks {
			if err := w.data(&list, int64(i), block); err != nil {
				return err
			}
		}
		n.flags |= flags
		n.size = int64(len(blocks)) * BlockSize
		if err := n.mapped(list, w.id.sums, n.ino, w.store); err != nil {
			return err
		}
	}
	return nil
}

// maxBlocks is how many blocks a base has at most, so that inodes have numbers enough: one inode is
// the least for a group, and they come by sixteens.
const maxBlocks = math.MaxUint32 / inodesPerBlock * blocksPerGroup
