package image

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/overlay"
)

// Below is the image that another one is stored on top of.
type Below struct {
	Path, Format string        // of its file, as the host has it
	Blocks       *blockmap.Map // what its disk holds
}

// Changes is what SendChanges did.
type Changes struct {
	Digest      string // "sha256:hex" of the image, as Send gives it
	Transferred int64  // bytes handed to the sink
	Size        int64  // bytes of the overlay
	Stored      string // "sha256:hex" of the overlay behind its header (overlay.DataOffset)
	Blocks      *blockmap.Map
}

// SendChanges hands the sink a qcow2 overlay on another image, of those blocks of the image's disk that are other than there.
// The image is read as by Send, all of it; what arrives as qcow2, and not from a file, is put into a temporary file, for its
// tables may lead anywhere. The overlay becomes an image with the last bytes that are sent. Options and errors are those of
// Send; Room bounds what is sent.
func (im *Image) SendChanges(ctx context.Context, sink Sink, below Below, options ...Option) (Changes, error) {
	s := sending{room: math.MaxInt64}
	for _, option := range options {
		option(&s)
	}
	c := &comparison{below: below, blocks: below.Blocks.Like(0)}
	out := &tally{sink: sink, sum: sha256.New()}
	tooLong := im.origin.Unsupported("Make room, or use another pool.", "what has changed in it is longer than the %d MiB that there is room for", s.room>>20)
	data := &bounded{left: min(s.room, math.MaxInt64-1), over: tooLong}
	s.spooled = spoolRoom(s.room, below.Blocks)
	s.room = math.MaxInt64 // for the image itself, which is not stored
	var digest string
	r, w := io.Pipe()
	data.r = r
	var visited, sent error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		digest, visited = im.visit(groupCtx, s, func(block int64, data []byte) error { return c.visit(w, block, data) })
		_ = w.CloseWithError(visited) // which gives no error, ever
		return visited
	})
	group.Go(func() error {
		sent = im.sendData(groupCtx, out, data)
		_ = r.CloseWithError(sent)
		return sent
	})
	if err := group.Wait(); err != nil {
		if visited != nil && errors.Is(sent, visited) { // and has it from there
			err = visited
		}
		return Changes{}, err
	}
	c.end(im.VirtualSize)
	file, err := c.changes.File(overlay.Spec{Size: im.VirtualSize, Backing: below.Path, Format: below.Format})
	if err == nil {
		err = im.sendTables(ctx, out, file)
	}
	if err != nil {
		return Changes{}, err
	}
	return Changes{Digest: digest, Transferred: out.n, Size: file.Size(), Stored: "sha256:" + hex.EncodeToString(out.sum.Sum(nil)), Blocks: c.blocks}, nil
}

// sendData sends the clusters of data, if there are any.
func (im *Image) sendData(ctx context.Context, out *tally, data *bounded) error {
	length := data.left + 1 // so that what is too much is asked for
	ahead := bufio.NewReaderSize(data, behindBufferSize)
	if _, err := ahead.Peek(1); ended(err) {
		return nil
	}
	return im.sendPart(ctx, out, io.TeeReader(ahead, out.sum), extent{overlay.DataOffset, length})
}

// sendTables sends what is behind the data, and then the header.
func (im *Image) sendTables(ctx context.Context, out *tally, file *overlay.File) error {
	header, err := file.Header()
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(file.WriteTables(w)) }()
	e := extent{file.TablesOffset(), file.Size() - file.TablesOffset()}
	err = im.sendPart(ctx, out, io.TeeReader(r, out.sum), e)
	_ = r.CloseWithError(err)
	if err == nil {
		err = im.sendPart(ctx, out, bytes.NewReader(header), extent{0, int64(len(header))})
	}
	return err
}

func (im *Image) sendPart(ctx context.Context, out *tally, r io.Reader, e extent) error {
	er := &extentReader{ctx: ctx, r: r, left: e.length, notice: func(n int64) { out.n += n }}
	return im.sendExtent(ctx, out.sink, er, e)
}

// tally is a sink, and what it was handed.
type tally struct {
	sink Sink
	n    int64
	sum  hash.Hash // of all behind the header
}

// comparison finds out what is other in an image than in the one below.
type comparison struct {
	below   Below
	next    int64 // the block that comes next
	blocks  *blockmap.Map
	changes overlay.Changes
}

// visit takes a block that is not zeros; those between it and the last one are. It writes what has to be sent.
func (c *comparison) visit(w io.Writer, block int64, data []byte) error {
	c.zeros(block)
	c.next = block + 1
	sum := c.blocks.SumOf(data)
	c.blocks.Append(block, sum)
	if there, ok := c.below.Blocks.At(block); ok && there == sum {
		return nil
	}
	c.changes.Data(block)
	if _, err := w.Write(data); err != nil || len(data) == blockmap.BlockSize {
		return err
	}
	_, err := w.Write(zeros[:blockmap.BlockSize-len(data)]) // the last cluster is a whole one all the same
	return err
}

// zeros notes that all blocks up to that one are zeros.
func (c *comparison) zeros(to int64) {
	for {
		at, more := c.below.Blocks.Next(c.next)
		if !more || at >= to {
			return
		}
		c.changes.Zeros(at)
		c.next = at + 1
	}
}

// end notes how large the disk is.
func (c *comparison) end(size int64) {
	c.blocks.Size = size
	c.zeros(c.blocks.Blocks())
}

// MapImage maps the disk of an image: it is read to its end.
func MapImage(ctx context.Context, im *Image) (*blockmap.Map, error) {
	m := blockmap.New(0)
	_, err := im.visit(ctx, sending{room: math.MaxInt64, spooled: math.MaxInt64}, func(block int64, data []byte) error {
		m.Append(block, m.SumOf(data))
		return nil
	})
	m.Size = im.VirtualSize
	return m, err
}

// visit reads the image from its beginning to its end, and has do look at all blocks of its disk that are not zeros, in order.
func (im *Image) visit(ctx context.Context, s sending, do func(block int64, data []byte) error) (digest string, err error) {
	if im.plainFile() {
		return im.visitFile(ctx, s, do)
	}
	err = im.pass(ctx, func(p *pass) error {
		if im.Format == FormatRaw {
			digest, err = im.through(ctx, p, s, func(r io.Reader, _ int64) error { return blocksOf(r, do) })
			return err
		}
		digest, err = im.visitSpooled(ctx, p, s, do)
		return err
	})
	return digest, err
}

func (im *Image) visitFile(ctx context.Context, s sending, do func(block int64, data []byte) error) (digest string, err error) {
	disk, err := im.contents(ctx)
	if err != nil {
		return "", err
	}
	shown := newProgress(disk.size, s.progress)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		digest, err := im.Digest(groupCtx)
		if err != nil || s.onDigest == nil {
			return err
		}
		return s.onDigest(digest)
	})
	group.Go(func() error {
		return disk.eachBlock(groupCtx, func(block int64, data []byte) error {
			shown.at(block * blockmap.BlockSize)
			return do(block, data)
		})
	})
	if err := group.Wait(); err != nil {
		return "", err
	}
	shown.at(disk.size)
	shown.end()
	return im.digest, im.file.Unchanged()
}

// spoolRoom is how long a qcow2 image may be, in bytes, of which what is not in the one below has that much room in the pool: what
// is there as well, and tables and spare clusters come on top.
func spoolRoom(room int64, below *blockmap.Map) int64 {
	disk := below.Data() * blockmap.BlockSize
	if more := disk + disk/8 + 64<<20; room < (math.MaxInt64-more)/9*8 {
		return room + room/8 + more
	}
	return math.MaxInt64
}

// visitSpooled looks at a qcow2 image once it has arrived as a whole.
func (im *Image) visitSpooled(ctx context.Context, p *pass, s sending, do func(block int64, data []byte) error) (digest string, err error) {
	spool, err := newSpool()
	if err != nil {
		p.close()
		return "", err
	}
	defer func() { err = errors.Join(err, spool.Close()) }()
	room := spool.room(s.spooled)
	if im.Size > room.bytes {
		p.close()
		return "", room.exceeded(im)
	}
	s.room, s.tooLong = room.bytes, room.exceeded(im)
	digest, err = im.through(ctx, p, s, func(r io.Reader, _ int64) error {
		_, err := io.Copy(spool, r)
		return err
	})
	if err == nil {
		err = im.CheckWhole(ctx, spool)
	}
	if err != nil {
		return "", err
	}
	disk, err := qcow2Contents(ctx, im.origin, spool, im.Size)
	if err == nil {
		err = disk.eachBlock(ctx, do)
	}
	return digest, err
}

// mapFile maps the disk in a local file that is not compressed.
func (im *Image) mapFile(ctx context.Context) (*blockmap.Map, error) {
	disk, err := im.contents(ctx)
	if err != nil {
		return nil, err
	}
	m := blockmap.New(disk.size)
	return m, disk.eachBlock(ctx, func(block int64, data []byte) error {
		m.Append(block, m.SumOf(data))
		return nil
	})
}
