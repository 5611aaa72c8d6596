package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/compression"
)

// Layer is one of the archives that make up an image.
type Layer struct {
	Name string // for messages: "layer 2 of 3"
	// Open opens the archive as it is stored, which may be compressed. It can be called again.
	Open func(ctx context.Context) (io.ReadCloser, error)
	// Digest and Size are those of the archive as it is stored. "" is no digest, and Size counts only
	// with one.
	Digest string
	Size   int64
	// DiffID is the digest of the archive once it is decompressed; "" for none.
	DiffID string
	// Sum is called with the SHA-256 of an archive without a DiffID, "sha256:hex" once it is
	// decompressed, each time it was read to its end. Reading ends with its error. It may be nil.
	Sum func(digest string) error
}

// content is the decompressed archive of a layer. It is read ahead in a goroutine of its own, so that
// decompressing and hashing overlap with what is done with the content.
type content struct {
	layer  Layer
	origin image.Origin
	budget *Budget
	ctx    context.Context //nolint:containedctx // io.Reader has none
	cancel context.CancelFunc

	stored *counted
	plain  io.Reader
	close  func()         // what decompresses
	got    int64          // bytes, decompressed
	want   image.Checksum // of the decompressed archive; zero for none
	sum    hash.Hash

	pieces chan piece
	free   chan []byte
	rest   []byte // of the piece that is being read
	buffer []byte // which has it
	err    error
}

// piece is what was read at once, or the error with which reading ended.
type piece struct {
	data, buffer []byte
	err          error
}

const (
	aheadSize  = 256 << 10 // bytes of a piece
	aheadCount = 4
)

// open opens the layer's archive. Reading it to the end verifies it.
func (l Layer) open(ctx context.Context, o image.Origin, budget *Budget) (*content, error) {
	c := &content{layer: l, origin: o, budget: budget, close: func() {}, sum: sha256.New()}
	if l.DiffID != "" {
		var err error
		if c.want, err = image.ParseChecksum(l.DiffID); err != nil {
			return nil, Refuse(o, l.Name, "Export it again.", "its digest %s is not usable", quote(l.DiffID))
		}
		c.sum = c.want.New()
	}
	c.ctx, c.cancel = context.WithCancel(ctx)
	r, err := l.stored(c.ctx, o)
	if err != nil {
		c.cancel()
		return nil, err
	}
	c.stored = &counted{ReadCloser: r}
	if err := c.decompress(); err != nil {
		c.cancel()
		_ = r.Close() // nothing was written
		return nil, err
	}
	c.pieces, c.free = make(chan piece), make(chan []byte, aheadCount)
	for range aheadCount {
		c.free <- nil
	}
	go c.pump()
	return c, nil
}

// stored opens the archive as it is stored.
func (l Layer) stored(ctx context.Context, o image.Origin) (io.ReadCloser, error) {
	if l.Digest == "" {
		return l.Open(ctx)
	}
	return OpenVerified(ctx, o, l.Name, l.Digest, l.Size, l.Open)
}

// counted counts what is read.
type counted struct {
	io.ReadCloser
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	return n, err
}

// headSize is how many bytes show how something is compressed.
const headSize = 4 << 10

// decompress finds out whether the stored archive is compressed.
func (c *content) decompress() error {
	head, err := readHead(c.stored)
	if err != nil {
		return err
	}
	c.plain = io.MultiReader(bytes.NewReader(head), c.stored)
	method := compression.Of(head)
	if method == nil {
		return nil
	}
	u, err := method.Open(c.origin, c.plain)
	if err != nil {
		return Refused(c.layer.Name, err)
	}
	c.close = u.Close
	if head, err = readHead(u); err == nil && compression.Of(head) != nil {
		err = Refuse(c.origin, c.layer.Name, "Compress it once.", "it is compressed twice: with %s, and inside with %s",
			method.Name, compression.Of(head).Name)
	}
	if err != nil {
		u.Close()
		return Refused(c.layer.Name, err)
	}
	c.plain = io.MultiReader(bytes.NewReader(head), u)
	return nil
}

func readHead(r io.Reader) ([]byte, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if image.Ended(err) || err == io.ErrUnexpectedEOF { // compared with ==: a reader that fails returns its own error
		err = nil
	}
	return head[:n], err
}

// pump reads until the end or an error, which is the last piece.
func (c *content) pump() {
	defer close(c.pieces)
	for {
		var buffer []byte
		select {
		case buffer = <-c.free:
		case <-c.ctx.Done():
			return
		}
		if buffer == nil {
			buffer = make([]byte, aheadSize)
		}
		n, err := c.fill(buffer)
		select {
		case c.pieces <- piece{buffer[:n], buffer, err}:
		case <-c.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// fill reads the next piece. At the end, the whole was verified.
func (c *content) fill(buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = c.plain.Read(buffer[n:])
		n += more
	}
	c.sum.Write(buffer[:n])
	c.got += int64(n)
	c.budget.bytes -= int64(n)
	switch {
	case c.budget.bytes < 0:
		return 0, c.budget.tooLong(c.origin, c.layer.Name)
	case c.got > ratioFrom && c.got/maxRatio > c.stored.n:
		return 0, Refuse(c.origin, c.layer.Name, "Inspect it: it may have been made to fill up a disk.",
			"its %d compressed bytes become more than %d MiB", c.stored.n, ratioFrom>>20)
	case !image.Ended(err):
		return n, Refused(c.layer.Name, err)
	}
	if _, err := io.Copy(io.Discard, c.stored); err != nil { // what a decompressor leaves, and the digest
		return n, err
	}
	return n, cmp.Or(c.verify(), io.EOF)
}

// verify compares the digest of the whole decompressed archive.
func (c *content) verify() error {
	digits := hex.EncodeToString(c.sum.Sum(nil))
	if c.want == (image.Checksum{}) {
		if c.layer.Sum == nil {
			return nil
		}
		return c.layer.Sum("sha256:" + digits)
	}
	if got := c.want.Algorithm() + ":" + digits; got != c.want.String() {
		return Refuse(c.origin, c.layer.Name, adviceExport,
			"its digest is %s when it is decompressed, and its configuration says %s", got, c.want)
	}
	return nil
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		if c.buffer != nil {
			c.free <- c.buffer
			c.buffer = nil
		}
		next, more := <-c.pieces
		if !more {
			c.err = fmt.Errorf("reading %s: %w", c.origin, context.Cause(c.ctx))
			return 0, c.err
		}
		c.rest, c.buffer, c.err = next.data, next.buffer, next.err
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Close ends reading, and waits for that.
func (c *content) Close() error {
	c.cancel()
	for range c.pieces { // until it is closed
	}
	c.close()
	return c.stored.Close()
}
