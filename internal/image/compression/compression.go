// Package compression decompresses files as they are read: gzip, xz, zstd and bzip2, which it
// recognises by how they begin. It takes several parts, one after the other, as one file, names
// what follows them, and limits the memory that a file may ask for.
package compression

import (
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Method is a way to compress a whole file.
type Method struct {
	Name   string // the tool's: gzip, xz, zstd, bzip2
	begins func(head []byte) bool
	open   func(*input) (decoder, error)
}

// decoder is a decompressor at work.
type decoder struct {
	io.Reader
	parts   func() int // that have begun: a compressed file may have several, one after the other
	release func()
}

// methods are distinguished by their magic numbers: RFC 1952, RFC 8878, the .xz file format
// (1.0.4), and bzip2's own source (decompress.c). An empty bzip2 file begins with another mark
// after its level, and holds no image.
var methods = []Method{
	{"gzip", prefix("\x1f\x8b\x08"), func(in *input) (decoder, error) {
		z, err := newGzipMembers(in)
		return decoder{z, func() int { return z.parts }, func() {}}, err
	}},
	{"xz", prefix("\xfd7zXZ\x00"), func(in *input) (decoder, error) {
		z, err := newXZStreams(in)
		return decoder{z, func() int { return z.parts }, func() {}}, err
	}},
	{"zstd", beginsZstd, func(in *input) (decoder, error) {
		frames := &zstdFrames{}
		in.watch = frames
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(image.MaxWindow), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderConcurrency(1))
		if err != nil {
			return decoder{}, err
		}
		return decoder{z, func() int { return frames.n }, z.Close}, nil
	}},
	{"bzip2", beginsBzip2, func(in *input) (decoder, error) {
		streams := &bzip2Streams{}
		in.watch = streams
		return decoder{bzip2.NewReader(in), func() int { return streams.n }, func() {}}, nil
	}},
}

func prefix(mark string) func(head []byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(mark)) }
}

// Of returns the method by which a file with that beginning is compressed; nil if it is not
// compressed.
func Of(head []byte) *Method {
	for i, m := range methods {
		if m.begins(head) {
			return &methods[i]
		}
	}
	return nil
}

// errTrailing reports that the compressed data is followed by data that is not compressed.
var errTrailing = errors.New("trailing data")

// gzipMembers reads the members of a gzip file, one after the other, and the zeros that a tape
// leaves after the last of them.
type gzipMembers struct {
	*gzip.Reader
	in    *byteReader
	parts int
}

func newGzipMembers(in io.Reader) (*gzipMembers, error) {
	g := &gzipMembers{Reader: new(gzip.Reader), in: newByteReader(in)}
	err := g.begin()
	return g, err
}

func (g *gzipMembers) begin() error {
	if err := g.Reset(g.in); err != nil {
		return err
	}
	g.Multistream(false)
	g.parts++
	return nil
}

func (g *gzipMembers) Read(p []byte) (int, error) {
	for {
		n, err := g.Reader.Read(p)
		if n > 0 || !image.Ended(err) {
			if image.Ended(err) {
				err = nil // returned next time
			}
			return n, err
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the following member.
func (g *gzipMembers) next() error {
	mark, err := g.in.Peek(2)
	switch {
	case len(mark) == 0:
		return err
	case mark[0] == 0:
		if err := g.in.skipZeros(); err != nil {
			return err
		}
		return errTrailing
	case mark[0] != 0x1f || len(mark) == 2 && mark[1] != 0x8b:
		return errTrailing
	}
	return g.begin()
}

// xzStreams reads the streams of an .xz file, one after the other, with the padding between and
// after them.
type xzStreams struct {
	*xz.Reader
	parts int
}

func newXZStreams(in io.Reader) (*xzStreams, error) {
	z, err := xz.NewReader(in, image.MaxWindow)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &xzStreams{z, 1}, nil
}

func (z *xzStreams) Read(p []byte) (int, error) {
	for {
		n, err := z.Reader.Read(p)
		if n > 0 && image.Ended(err) {
			return n, nil // the error is returned next time
		}
		if !image.Ended(err) {
			return n, err
		}
		switch err := z.Reset(nil); { // continues with what follows
		case image.Ended(err):
			return 0, err
		case errors.Is(err, xz.ErrFormat) || errors.Is(err, xz.ErrBuf):
			return 0, errTrailing
		case err != nil:
			return 0, err
		}
		z.Multistream(false)
		z.parts++
	}
}

// input is the file that is decompressed.
type input struct {
	r     io.Reader
	err   error     // with which reading it ended
	watch io.Writer // sees all of it, and never fails; nil for none
}

func (i *input) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if i.watch != nil {
		_, _ = i.watch.Write(p[:n])
	}
	if err != nil {
		i.err = err
	}
	return n, err
}

// Reader reads the decompressed content of a file. Its errors are those of the file if that could
// not be read, else *image.NotAnImageError and *image.UnsupportedImageError about the compressed
// data.
type Reader struct {
	method  *Method
	origin  image.Origin
	in      *input
	decoder decoder
	unlimit func()
}

// Open begins to decompress r. Errors are those of a Reader.
func (m *Method) Open(o image.Origin, r io.Reader) (*Reader, error) {
	u := &Reader{method: m, origin: o, in: &input{r: r}}
	var err error
	if u.decoder, err = m.open(u.in); err != nil {
		return nil, u.blame(err)
	}
	u.unlimit = limitGarbage()
	return u, nil
}

// Close releases what the decompressor holds. It does not close the file.
func (u *Reader) Close() {
	u.decoder.release()
	u.unlimit()
}

// Parts is how many parts of the file have begun: a compressed file may have several, one after the
// other.
func (u *Reader) Parts() int { return u.decoder.parts() }

// Read implements io.Reader.
func (u *Reader) Read(p []byte) (int, error) {
	n, err := u.decoder.Read(p)
	if err != nil && !image.Ended(err) {
		err = u.blame(err)
	}
	return n, err
}

// blame distinguishes a file that was not read from one whose content cannot be decompressed.
func (u *Reader) blame(err error) error {
	const again = "Download or export the image again; %s -t tells whether it is whole."
	name := u.method.Name
	switch {
	case u.in.err != nil && !image.Ended(u.in.err):
		return u.in.err
	case errors.Is(err, xz.ErrMemlimit) || errors.Is(err, zstd.ErrWindowSizeExceeded) ||
		errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return u.origin.Unsupported("Compress it again: xz -9 and zstd --ultra -21 stay below that.",
			"its %s data takes more than %d MiB of memory to decompress", name, image.MaxWindow>>20)
	case errors.Is(err, xz.ErrOptions) || errors.Is(err, xz.ErrUnsupportedCheck):
		return u.origin.Unsupported("Compress it again, with the defaults of xz.",
			"its xz data uses an unsupported feature "+
				"(%v)", err)
	case errors.Is(err, errTrailing) || errors.Is(err, zstd.ErrMagicMismatch) && u.began():
		advice := "Remove what follows, or compress the image again; " + name + " -t tells whether the file is whole."
		return u.origin.NotImage(advice, "its %s data has ended, and trailing data that is not %s follows", name, name)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, xz.ErrBuf) || errors.Is(err, io.EOF):
		return u.origin.NotImage(fmt.Sprintf(again, name), "it is cut off: its %s data ends before it is complete",
			name)
	}
	if _, ok := errors.AsType[bzip2.StructuralError](err); ok { // its reader has one error for both
		return u.origin.NotImage(fmt.Sprintf(again, name),
			"its bzip2 data is damaged, or something else follows it (%v)", err)
	}
	return u.origin.NotImage(fmt.Sprintf(again, name), "its %s data is damaged (%v)", name, err)
}

// began reports whether anything could be decompressed at all.
func (u *Reader) began() bool { return u.decoder.parts != nil && u.decoder.parts() > 0 }
