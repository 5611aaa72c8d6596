package ext4_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// filled is a reader of one byte, over and over.
type filled byte

func (f filled) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

// thin leaves out the blocks of a filled file: they need not be stored to be checked.
type thin struct {
	*fileSink
	filler []byte
}

func (s thin) WriteAt(_ context.Context, r io.Reader, offset, _ int64) error {
	block := make([]byte, len(s.filler))
	for {
		n, err := io.ReadFull(r, block)
		if n > 0 && !bytes.Equal(block[:n], s.filler[:n]) {
			if _, err := s.File.WriteAt(block[:n], offset); err != nil {
				return err
			}
		}
		s.end = offset + int64(n)
		offset += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// A file whose data goes through 65 groups passes by the blocks with their descriptors and the
// copies of these.
func TestDataBeyondOneMetaGroup(t *testing.T) {
	if testing.Short() {
		t.Skip("goes through 8 GiB")
	}
	const size = 65*128*mib + 12345
	done := false
	entries := func() (*tar.Header, io.Reader, error) {
		if done {
			return nil, nil, io.EOF
		}
		done = true
		return &tar.Header{Name: "large", Typeflag: tar.TypeReg, Size: size, ModTime: madeAt}, filled('x'), nil
	}
	sink := thin{newSink(t, false), bytes.Repeat([]byte("x"), 64<<10)}
	made, err := ext4.SendOnce(t.Context(), options(), entries, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Truncate(made.Size); err != nil {
		t.Fatal(err)
	}
	check(t, sink.Name())
	at, _ := mount(t, sink.Name(), "loop,ro")
	f, err := os.Open(at + "/large")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	end := make([]byte, 12345)
	if _, err := f.ReadAt(end, size-12345); err != nil || !bytes.Equal(end, bytes.Repeat([]byte("x"), 12345)) {
		t.Errorf("it ends with %q (%v)", end[:10], err)
	}
}

// Bases of one version are compared by what they were made of, so the same entries make the same
// bytes as long as Format says so.
func TestFormatIsFixed(t *testing.T) {
	const format, want = 1, "0706d036e4f9f23001a143499aa4d7f43f594c78e64fed290d3732a6811665aa"
	var sink imagetest.Sink
	if _, err := ext4.SendOnce(t.Context(), options(), entriesOf(everything())(), &sink); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(sink.Data)
	if got := hex.EncodeToString(sum[:]); ext4.Format != format || got != want {
		t.Errorf("format %d makes %s; raise Format if that is meant", ext4.Format, got)
	}
}
