// Package imagetest has disk images, sinks and checks of errors for tests of code that reads and
// moves images.
package imagetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// Attributed is the interface of every error about an image that blames a field of its source.
type Attributed interface {
	error
	Attribute() string
}

var _ = []Attributed{
	(*image.SourceError)(nil), (*image.ChecksumError)(nil),
	(*image.NotAnImageError)(nil), (*image.UnsupportedImageError)(nil),
}

// WantBlamed checks that an error blames a field of the source.
func WantBlamed(t testing.TB, err error, attribute string) {
	t.Helper()
	if blamed, ok := errors.AsType[Attributed](err); !ok || blamed.Attribute() != attribute {
		t.Errorf("error %v does not blame %q", err, attribute)
	}
}

// WantError checks that an error is of a type, and returns it as that.
func WantError[E error](t testing.TB, err error) E {
	t.Helper()
	typed, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error is %T (%v), want %T", err, err, typed)
	}
	return typed
}

// RawDisk is size bytes with a boot sector, and content that differs from sector to sector.
func RawDisk(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*31 + i>>9)
	}
	copy(data[510:], "\x55\xaa")
	return data
}

// RandomDisk is a raw disk of size bytes that differs from every other: a boot sector with its
// mark, and random data after it. The sector itself is not random, because the first bytes of
// random data may be those of another format.
func RandomDisk(size int) []byte {
	data := make([]byte, size)
	copy(data[512:], Random(size-512))
	copy(data[510:], "\x55\xaa")
	return data
}

// WriteFile writes data to a new file, and returns its path.
func WriteFile(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Tools are the programs that Packed runs.
var Tools = []string{"gzip", "xz", "zstd", "bzip2"}

// Packed is data, compressed by a tool.
func Packed(t testing.TB, tool string, data []byte, flags ...string) []byte {
	t.Helper()
	needs.Installed(t, tool)
	cmd := exec.CommandContext(t.Context(), tool, append([]string{"-c"}, flags...)...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Holed is a raw disk of 10 MiB: three stretches of data, with long and short holes between and
// after them.
func Holed() []byte {
	disk := RawDisk(10 << 20)
	clear(disk[1<<20 : 1<<20+localfile.JoinGap/2])
	clear(disk[2<<20+777 : 5<<20+5])
	clear(disk[8<<20:])
	return disk
}

// ReadFile returns the content of a file.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Digest is the digest of data that images get now.
func Digest(data []byte) string {
	sum := digest.Current.New()
	_, _ = sum.Write(data)
	return sum.Sum()
}

// SHA256 is a checksum of data, "sha256:hex", and its digest in images of earlier providers.
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// SHA512 is a checksum of data, "sha512:hex".
func SHA512(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(sum[:])
}

// Sink keeps what it is given. Bytes that it is not given stay zero.
type Sink struct {
	Data  []byte
	Calls [][2]int64 // offset and length of each piece that it was given
}

// WriteAt implements transfer.Sink.
func (s *Sink) WriteAt(_ context.Context, r io.Reader, offset, length int64) error {
	got, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if int64(len(got)) > length {
		return errors.New("the reader yields more than announced")
	}
	if grow := offset + int64(len(got)) - int64(len(s.Data)); grow > 0 {
		s.Data = append(s.Data, make([]byte, grow)...)
	}
	copy(s.Data[offset:], got)
	s.Calls = append(s.Calls, [2]int64{offset, int64(len(got))})
	return nil
}

// Tick waits until later changes get a later time of change than a file has. The kernel takes that
// time from a clock that advances by some milliseconds at once.
func Tick(t testing.TB, path string) {
	t.Helper()
	seen, err := localfile.StampOf(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	probe := filepath.Join(t.TempDir(), "probe")
	for now := seen; err == nil && !seen.Changed.IsZero() && !now.Changed.After(seen.Changed); {
		if err = errors.Join(t.Context().Err(), os.WriteFile(probe, []byte("x"), 0o600)); err == nil {
			now, err = localfile.StampOf(probe)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Textual is a disk with data that compresses well, data that does not, and holes, whose last
// cluster is not a whole one.
func Textual() []byte {
	disk := make([]byte, 5<<20+3*512)
	for n := range 1 << 18 {
		copy(disk[n*8:], fmt.Sprintf("%07x ", n))
	}
	clear(disk[:512]) // otherwise it would be a text
	copy(disk[510:], "\x55\xaa")
	clear(disk[1<<20-700 : 1<<20+90_000])
	copy(disk[3<<20+512:], Random(300_000))
	copy(disk[4<<20:], bytes.Repeat([]byte("here and there "), 20_000))
	copy(disk[len(disk)-9:], "at an end")
	return disk
}

// Random is n bytes that cannot be compressed. They may begin like any format: see RandomDisk.
func Random(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data)
	return data
}

// Sparse writes a file of size bytes in which only the given pieces are data, and returns its
// content.
func Sparse(t testing.TB, size int64, pieces map[int64][]byte) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sparse.raw")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	content = make([]byte, size)
	for offset, piece := range pieces {
		copy(content[offset:], piece)
		if _, err := file.WriteAt(piece, offset); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(file.Truncate(size), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path, content
}
