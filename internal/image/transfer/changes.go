package transfer

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

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
)

// Below is the image that another one is stored on top of.
type Below struct {
	Path, Format string        // of its file, as the host has it
	Blocks       *blockmap.Map // what its disk holds
}

// Changes is what SendChanges did.
type Changes struct {
	Digest      string // of the image, as Send gives it
	Transferred int64  // bytes handed to the sink
	Size        int64  // bytes of the overlay
	Stored      string // "sha256:hex" of the overlay after its header (overlay.DataOffset)
	Blocks      *blockmap.Map
}

// SendChanges sends the sink a qcow2 overlay on another image. The overlay has those blocks of the
// image's disk that differ from the other image. The whole image is read, as by Send. A qcow2 image
// that does not come from a file is put into a temporary file, because its tables may lead
// anywhere. The overlay becomes an image only with the last bytes that are sent. Options and errors
// are those of Send; Room limits what is sent.
func (im *Image) SendChanges(ctx context.Context, sink Sink, below Below, options ...Option) (Changes, error) {
	s := newSending(options)
	c := &comparison{below: below, blocks: below.Blocks.Like(0)}
	out := &tally{sink: sink, sum: sha256.New()}
	tooLong := im.origin.Unsupported("Make room, or use another pool.",
		"what has changed in it is longer than the %d MiB that there is room for", s.room>>20)
	data := &bounded{left: min(s.room, math.MaxInt64-1), over: tooLong}
	s.spooled = spoolRoom(s.room, below.Blocks)
	s.room = math.MaxInt64 // the limit for the image itself, which is not stored
	var digest string
	r, w := io.Pipe()
	data.r = r
	var visited, sent error
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		digest, visited = eachBlock(groupCtx, im, s, func(block int64, data []byte) error {
			return c.visit(w, block, data)
		})
		_ = w.CloseWithError(visited) // never returns an error
		return visited
	})
	group.Go(func() error {
		sent = sendData(groupCtx, im.origin, out, data)
		_ = r.CloseWithError(sent)
		return sent
	})
	if err := group.Wait(); err != nil {
		if visited != nil && errors.Is(sent, visited) { // sendData got this error from the pipe
			err = visited
		}
		return Changes{}, err
	}
	c.end(im.VirtualSize)
	file, err := c.changes.File(overlay.Spec{Size: im.VirtualSize, Backing: below.Path, Format: below.Format})
	if err == nil {
		err = sendTables(ctx, im.origin, out, file)
	}
	if err != nil {
		return Changes{}, err
	}
	return Changes{
		Digest:      digest,
		Transferred: out.n,
		Size:        file.Size(),
		Stored:      "sha256:" + hex.EncodeToString(out.sum.Sum(nil)),
		Blocks:      c.blocks,
	}, nil
}

// sendData sends the clusters of data, if there are any.
func sendData(ctx context.Context, o image.Origin, out *tally, data *bounded) error {
	length := data.left + 1 // one more, so that excess data is noticed
	ahead := bufio.NewReaderSize(data, asyncBufferSize)
	if _, err := ahead.Peek(1); image.Ended(err) {
		return nil
	}
	return sendPart(ctx, o, out, io.TeeReader(ahead, out.sum), image.Extent{Offset: overlay.DataOffset, Length: length})
}

// sendTables sends what comes after the data, and then the header.
func sendTables(ctx context.Context, o image.Origin, out *tally, file *overlay.File) error {
	header, err := file.Header()
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(file.WriteTables(w)) }()
	e := image.Extent{Offset: file.TablesOffset(), Length: file.Size() - file.TablesOffset()}
	err = sendPart(ctx, o, out, io.TeeReader(r, out.sum), e)
	_ = r.CloseWithError(err)
	if err == nil {
		err = sendPart(ctx, o, out, bytes.NewReader(header), image.Extent{Offset: 0, Length: int64(len(header))})
	}
	return err
}

func sendPart(ctx context.Context, o image.Origin, out *tally, r io.Reader, e image.Extent) error {
	er := &extentReader{ctx: ctx, r: r, left: e.Length, notice: func(n int64) { out.n += n }}
	return sendExtent(ctx, o, out.sink, er, e)
}

// tally is a sink, with what was sent to it.
type tally struct {
	sink Sink
	n    int64
	sum  hash.Hash // of everything after the header
}

// comparison finds what differs between an image and the one below.
type comparison struct {
	below   Below
	next    int64 // the block that comes next
	blocks  *blockmap.Map
	changes overlay.Changes
}

// visit takes a block that is not zeros; those between it and the last one are. It writes what has
// to be sent.
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
	_, err := w.Write(zeros[:blockmap.BlockSize-len(data)]) // the last cluster is always a whole one
	return err
}

// zeros records that all blocks up to that one are zeros.
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

// end records how large the disk is.
func (c *comparison) end(size int64) {
	c.blocks.Size = size
	c.zeros(c.blocks.Blocks())
}
