package compression

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// byteReader is the input of a decompressor that must not read too much.
type byteReader struct{ *bufio.Reader }

func newByteReader(r io.Reader) *byteReader { return &byteReader{bufio.NewReaderSize(r, 32<<10)} }

// skipZeros skips zeros; it returns io.EOF if nothing else follows.
func (b *byteReader) skipZeros() error {
	for {
		c, err := b.ReadByte()
		if err != nil || c != 0 {
			return err
		}
	}
}

// beginsZstd reports whether a file with that beginning is compressed with zstd: the first frame
// that is not to be skipped is a zstd frame, as far as it can be seen. The frames that are to be
// skipped could be those of lz4 as well (RFC 8878, section 3.1.2).
func beginsZstd(head []byte) bool {
	for skipped := false; ; skipped = true {
		var h zstd.Header
		switch err := h.Decode(head); {
		case len(head) == 0 || skipped && errors.Is(err, io.ErrUnexpectedEOF):
			return skipped
		case err != nil || !h.Skippable:
			return len(head) >= 4 && binary.LittleEndian.Uint32(head) == 0xfd2fb528
		case uint64(h.HeaderSize)+uint64(h.SkippableSize) >= uint64(len(head)):
			return true
		}
		head = head[h.HeaderSize+int(h.SkippableSize):]
	}
}

// zstdFrames counts the frames in what is written to it (RFC 8878, section 3.1.1), except those
// that are to be skipped.
type zstdFrames struct {
	n        int
	skip     uint64 // bytes without information
	begun    []byte // of a header
	inFrame  bool
	checksum bool
	lost     bool
}

// Write never fails.
func (f *zstdFrames) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 && !f.lost {
		if n := min(f.skip, uint64(len(p))); n > 0 {
			f.skip, p = f.skip-n, p[n:]
			continue
		}
		f.begun, p = append(f.begun, p[0]), p[1:]
		if f.inFrame {
			f.block()
		} else {
			f.frame()
		}
	}
	return written, nil
}

func (f *zstdFrames) frame() {
	var h zstd.Header
	switch err := h.Decode(f.begun); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return
	case err != nil:
		f.lost = true
	case h.Skippable:
		f.skip = uint64(h.SkippableSize)
	default:
		f.n++
		f.inFrame, f.checksum = true, h.HasCheckSum
	}
	f.begun = f.begun[:0]
}

// block reads the three bytes before each block: whether it is the last, its type, its size.
func (f *zstdFrames) block() {
	if len(f.begun) < 3 {
		return
	}
	head := uint32(f.begun[0]) | uint32(f.begun[1])<<8 | uint32(f.begun[2])<<16
	f.begun = f.begun[:0]
	if f.skip = uint64(head >> 3); head>>1&3 == 1 { // one byte, repeated
		f.skip = 1
	}
	if head&1 == 1 {
		if f.inFrame = false; f.checksum {
			f.skip += 4
		}
	}
}

// bzip2Mark follows "BZh" and the level.
const bzip2Mark = "1AY&SY"

func beginsBzip2(head []byte) bool {
	return len(head) >= 10 && string(head[:3]) == "BZh" && head[3] >= '1' && head[3] <= '9' &&
		string(head[4:10]) == bzip2Mark
}

// bzip2Streams counts the streams in what is written to it: each begins with a byte of its own.
type bzip2Streams struct {
	n    int
	tail []byte // of what was written last
}

// Write never fails.
func (b *bzip2Streams) Write(p []byte) (int, error) {
	const mark = 4 + len(bzip2Mark)
	b.tail = append(b.tail, p[:min(len(p), mark-1)]...)
	b.count(b.tail)
	if len(p) >= mark {
		b.count(p)
	}
	if b.tail = append(b.tail, p[min(len(p), mark-1):]...); len(b.tail) >= mark {
		b.tail = append(b.tail[:0], b.tail[len(b.tail)-mark+1:]...)
	}
	return len(p), nil
}

func (b *bzip2Streams) count(p []byte) {
	for {
		at := bytes.Index(p, []byte("BZh"))
		if at < 0 {
			return
		}
		if beginsBzip2(p[at:]) {
			b.n++
		}
		p = p[at+1:]
	}
}
