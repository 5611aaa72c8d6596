// Package imagetest has disk images, sinks and checks of errors for the tests of what reads and
// moves images.
package imagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// Attributed is what every error about an image has that blames a field of its source.
type Attributed interface {
	error
	Attribute() string
}

var _ = []Attributed{
	(*image.SourceError)(nil), (*image.ChecksumError)(nil), (*image.NotAnImageError)(nil), (*image.UnsupportedImageError)(nil),
}

// WantBlamed makes sure that an error blames a field of the source.
func WantBlamed(t testing.TB, err error, attribute string) {
	t.Helper()
	if blamed, ok := errors.AsType[Attributed](err); !ok || blamed.Attribute() != attribute {
		t.Errorf("error %v does not blame %q", err, attribute)
	}
}

// WantError makes sure that an error is of a type, and gives it as that.
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

// Qcow2 is an empty qcow2 image of version 3 with a 1 GiB disk, as qemu-img create lays it out:
// header, refcount table, refcount block, L1 table. Change may spoil the header; nil leaves it as
// it is.
func Qcow2(change func(*qcow2.HeaderFieldsV2, *qcow2.HeaderFieldsV3)) []byte {
	const cluster = 1 << 16
	v2 := qcow2.HeaderFieldsV2{Version: 3, ClusterBits: 16, Size: 1 << 30, L1Size: 2, L1TableOffset: 3 * cluster,
		RefcountTableOffset: cluster, RefcountTableClusters: 1}
	copy(v2.Magic[:], qcow2.Magic)
	v3 := qcow2.HeaderFieldsV3{RefcountOrder: 4, HeaderLength: 104}
	if change != nil {
		change(&v2, &v3)
	}
	header := new(bytes.Buffer)
	for _, part := range []any{v2, v3} {
		if err := binary.Write(header, binary.BigEndian, part); err != nil {
			panic(err)
		}
	}
	data := make([]byte, 3*cluster+16)
	copy(data, header.Bytes())
	return data
}

// WriteFile puts data into a file of its own, and gives its path.
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

// Packed is data as a tool compresses it.
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

// Converted is a qcow2 image of a disk, as qemu-img convert makes it.
func Converted(t testing.TB, disk []byte, options ...string) []byte {
	t.Helper()
	path := WriteFile(t, disk)
	command := append([]string{"qemu-img", "convert", "-f", "raw", "-O", "qcow2"}, options...)
	needs.Tool(t, append(command, path, path+".qcow2")...)
	return ReadFile(t, path+".qcow2")
}

// ReadFile gives what is in a file.
func ReadFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// SHA256 is the digest of data, "sha256:hex".
func SHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// SHA512 is a checksum of data, "sha512:hex".
func SHA512(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(sum[:])
}

// Sink keeps what it is given. What it is not given stays zero.
type Sink struct {
	Data  []byte
	Calls [][2]int64 // offset and length of what it was handed at once
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

// Tick waits until what is changed from now on has a later time of change than a file. The kernel
// takes that from a clock which goes on by some milliseconds at once.
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
