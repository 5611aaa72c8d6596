package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// attributed is what every error of this package has that blames a field of the source.
type attributed interface {
	error
	Attribute() string
}

var _ = []attributed{(*image.SourceError)(nil), (*image.ChecksumError)(nil), (*image.NotAnImageError)(nil), (*image.UnsupportedImageError)(nil)}

func wantBlamed(t *testing.T, err error, attribute string) {
	t.Helper()
	if blamed, ok := errors.AsType[attributed](err); !ok || blamed.Attribute() != attribute {
		t.Errorf("error %v does not blame %q", err, attribute)
	}
}

func wantError[E error](t *testing.T, err error) E {
	t.Helper()
	typed, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error is %T (%v), want %T", err, err, typed)
	}
	return typed
}

// rawDisk is size bytes with a boot sector and content that differs from sector to sector.
func rawDisk(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i*31 + i>>9)
	}
	copy(data[510:], "\x55\xaa")
	return data
}

// qcow2Image is an empty qcow2 image of version 3 with a 1 GiB disk, as qemu-img create lays it out: header, refcount
// table, refcount block, L1 table. change may spoil the header.
func qcow2Image(change func(*qcow2.HeaderFieldsV2, *qcow2.HeaderFieldsV3)) []byte {
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

func writeFile(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func opened(t *testing.T, s Source) *Image {
	t.Helper()
	im, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := im.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return im
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// call is what a sink was handed at once.
type call struct{ offset, length int64 }

// memory is a sink that keeps what it is given. What it is not given stays zero.
type memory struct {
	data  []byte
	calls []call
}

func (m *memory) WriteAt(_ context.Context, r io.Reader, offset, length int64) error {
	got, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if int64(len(got)) > length {
		return errors.New("the reader yields more than announced")
	}
	if grow := offset + int64(len(got)) - int64(len(m.data)); grow > 0 {
		m.data = append(m.data, make([]byte, grow)...)
	}
	copy(m.data[offset:], got)
	m.calls = append(m.calls, call{offset, int64(len(got))})
	return nil
}

// sinkFunc is a sink that misbehaves.
type sinkFunc func(ctx context.Context, r io.Reader, offset, length int64) error

func (f sinkFunc) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	return f(ctx, r, offset, length)
}

func sha512Of(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512:" + hex.EncodeToString(sum[:])
}
