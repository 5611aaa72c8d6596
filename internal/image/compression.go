package image

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
)

const (
	// markSize is how many bytes tell a compression.
	markSize = 10
	// maxWindow is how far back, in bytes, compressed data may refer: a decompressor keeps that much in memory. It is what
	// xz -9 takes, and zstd up to --ultra -21.
	maxWindow = 64 << 20
)

// compression is a way to compress a whole file.
type compression struct {
	name string
	mark
	open func(io.Reader) (r io.Reader, release func(), err error)
}

// compressions are told apart by their magic numbers: RFC 1952, RFC 8878, the .xz file format (1.0.4), and bzip2's own
// source (decompress.c). An empty bzip2 file begins with another mark behind its level, and holds no image.
var compressions = []compression{
	{"gzip", mark{0, "\x1f\x8b\x08"}, func(r io.Reader) (io.Reader, func(), error) {
		z, err := gzip.NewReader(r)
		return z, func() {}, err
	}},
	{"xz", mark{0, "\xfd7zXZ\x00"}, func(r io.Reader) (io.Reader, func(), error) {
		z, err := xz.NewReader(r, maxWindow)
		return z, func() {}, err
	}},
	{"zstd", mark{0, "\x28\xb5\x2f\xfd"}, func(r io.Reader) (io.Reader, func(), error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}},
	{"bzip2", mark{4, "1AY&SY"}, func(r io.Reader) (io.Reader, func(), error) { return bzip2.NewReader(r), func() {}, nil }},
}

// compressionOf tells how what begins so is compressed; nil for not at all.
func compressionOf(head []byte) *compression {
	for i, c := range compressions {
		if c.in(head) && (c.name != "bzip2" || string(head[:3]) == "BZh") {
			return &compressions[i]
		}
	}
	return nil
}

// unpacker reads what a file has compressed. Its errors are *SourceError when the file could not be read, and else about the
// image.
type unpacker struct {
	compression *compression
	source      Source
	in          *tap
	r           io.Reader
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !ended(err) {
		err = u.blame(err)
	}
	return n, err
}

// blame tells whether the file was not read, or holds what cannot be decompressed.
func (u *unpacker) blame(err error) error {
	const again = "Download or export the image again; %s -t tells whether it is whole."
	name := u.compression.name
	switch {
	case u.in.err != nil && !ended(u.in.err):
		return u.in.err
	case errors.Is(err, xz.ErrMemlimit) || errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return u.source.unsupported("Compress it anew: xz -9 and zstd --ultra -21 stay below that.",
			"its %s data takes more than %d MiB of memory to decompress", name, maxWindow>>20)
	case errors.Is(err, xz.ErrOptions) || errors.Is(err, xz.ErrUnsupportedCheck):
		return u.source.unsupported("Compress it anew, with the defaults of xz.", "its xz data uses what is not supported (%v)", err)
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, xz.ErrBuf) || errors.Is(err, io.EOF):
		return u.source.notImage(fmt.Sprintf(again, name), "it is cut off: its %s data ends before it is complete", name)
	}
	return u.source.notImage(fmt.Sprintf(again, name), "its %s data is damaged (%v)", name, err)
}
