package hosttest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func volumes(t *testing.T, s Site) {
	ctx, pool := t.Context(), s.Pool.Name
	if names := must.Get[[]string](t)(s.Host.VolumeNames(ctx, pool)); len(names) > 0 {
		t.Errorf("an empty pool has %q", names)
	}
	raw := must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "a.raw", Format: "raw", Capacity: 4096,
	}))
	if want := (host.Volume{
		Pool: pool, Name: "a.raw", Path: s.Pool.Path + "/a.raw", Format: "raw", Capacity: 4096,
	}); raw != want {
		t.Errorf("the volume is %+v, want %+v", raw, want)
	}
	if v := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, "a.raw")); v.Path != raw.Path || v.Capacity != 4096 ||
		v.Physical != 4096 || v.Backing != nil || v.Modified.IsZero() {
		t.Errorf("the volume is %+v", v)
	}
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "b.qcow2", Format: "qcow2", Capacity: 1 << 20,
	}))
	if v := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, "b.qcow2")); v.Format != "qcow2" || v.Capacity != 1<<20 {
		t.Errorf("the volume is %+v", v)
	}
	found, undescribed, err := s.Host.Volumes(ctx, pool, func(name string) bool {
		return strings.HasSuffix(name, ".raw")
	})
	if err != nil || len(undescribed) > 0 || len(found) != 1 || found[0].Name != "a.raw" {
		t.Errorf("found %+v, %v, %v", found, undescribed, err)
	}
	names := must.Get[[]string](t)(s.Host.VolumeNames(ctx, pool))
	if slices.Sort(names); !slices.Equal(names, []string{"a.raw", "b.qcow2"}) {
		t.Errorf("the names are %q", names)
	}
	for volume, format := range map[string]string{"a.raw": "raw", "b.qcow2": "qcow2"} {
		done(t, s.Host.ResizeVolume(ctx, pool, volume, format, 2<<20))
		if v := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, volume)); v.Capacity != 2<<20 {
			t.Errorf("%s has %d bytes after growing", volume, v.Capacity)
		}
	}
	err = s.Host.ResizeVolume(ctx, pool, "a.raw", "qcow2", 4<<20)
	if wrong, ok := errors.AsType[*host.FormatError](err); !ok || wrong.Probed != "raw" || wrong.Defined != "qcow2" {
		t.Errorf("growing a raw volume as a qcow2 one: %v", err)
	}
	if err := s.Host.ResizeVolume(ctx, pool, "a.raw", "raw", 1<<20); err == nil {
		t.Error("a volume shrank")
	}
	done(t, s.Host.DeleteVolume(ctx, pool, "a.raw"))
	_, err = s.Host.Volume(ctx, pool, "a.raw")
	fails(t, err, host.ErrNoVolume)
	fails(t, s.Host.DeleteVolume(ctx, pool, "a.raw"), host.ErrNoVolume)
	_, err = s.Host.Volume(ctx, "no-such-pool", "a.raw")
	fails(t, err, host.ErrNoPool)
}

func volumesAreClaimed(t *testing.T, s Site) {
	var mu sync.Mutex
	var all sync.WaitGroup
	made := 0
	for range 8 {
		all.Go(func() {
			_, err := s.Host.CreateVolume(t.Context(), s.Pool.Name, host.VolumeSpec{
				Name: "claim", Format: "raw", Capacity: 1,
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if !errors.Is(err, host.ErrExists) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("%d callers have created one volume", made)
	}
}

func documents(t *testing.T, s Site) {
	ctx, pool := t.Context(), s.Pool.Name
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{Name: "doc", Format: "raw", Capacity: 8}))
	done(t, s.Host.WriteVolume(ctx, pool, "doc", []byte("12345678")))
	done(t, s.Host.WriteVolume(ctx, pool, "doc", []byte("abc")))
	if data := must.Get[[]byte](t)(s.Host.ReadVolume(ctx, pool, "doc", 8)); string(data) != "abc45678" {
		t.Errorf("it holds %q", data)
	}
	if _, err := s.Host.ReadVolume(ctx, pool, "doc", 7); err == nil {
		t.Error("a volume of eight bytes was read with a limit of seven")
	}
	for offset, want := range map[uint64]string{0: "abc4", 6: "78", 8: ""} {
		if data := must.Get[[]byte](t)(s.Host.ReadVolumeAt(ctx, pool, "doc", offset, 4)); string(data) != want {
			t.Errorf("from %d it holds %q, want %q", offset, data, want)
		}
	}
	_, err := s.Host.ReadVolume(ctx, pool, "no-such-volume", 8)
	fails(t, err, host.ErrNoVolume)
	fails(t, s.Host.WriteVolume(ctx, pool, "no-such-volume", []byte("x")), host.ErrNoVolume)
}

func transfers(t *testing.T, s Site) {
	ctx, pool := t.Context(), s.Pool.Name
	content := bytes.Repeat([]byte("0123456789abcdef"), 1024)
	size := int64(len(content))
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "v", Format: "raw", Capacity: uint64(size),
	}))
	transfer := must.Get[host.Transfer](t)(s.Host.OpenTransfer(ctx))
	defer transfer.Close()
	done(t, transfer.Upload(ctx, pool, "v", bytes.NewReader(content[:100]), 0, 100))
	done(t, transfer.UploadAll(ctx, pool, "v", bytes.NewReader(content[100:]), 100, size))
	var got bytes.Buffer
	done(t, transfer.Download(ctx, pool, "v", &got, 0, 0))
	if !bytes.Equal(got.Bytes(), content) {
		t.Error("what comes back is something else")
	}
	got.Reset()
	done(t, transfer.Download(ctx, pool, "v", &got, 10, 6))
	if got.String() != "abcdef" {
		t.Errorf("six bytes from the tenth are %q", got.String())
	}
	r := must.Get[io.ReadCloser](t)(s.Host.OpenVolume(ctx, pool, "v"))
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(data, content) {
		t.Errorf("the reader has something else: %v", err)
	}
	if err := transfer.Upload(
		ctx, pool, "v", strings.NewReader("short"), 0, 100,
	); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a source that ends early gives %v", err)
	}
}

func clones(t *testing.T, s Site) {
	ctx, pool := t.Context(), s.Pool.Name
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "base", Format: "raw", Capacity: 64 << 10,
	}))
	done(t, s.Host.WriteVolume(ctx, pool, "base", []byte("boot")))
	from := host.CloneSource{Pool: pool, Name: "base", Format: "raw"}
	same := must.Get[host.Volume](t)(s.Host.CloneVolume(ctx, pool, host.VolumeSpec{Name: "same", Format: "raw"}, from))
	grown := must.Get[host.Volume](t)(s.Host.CloneVolume(ctx, pool, host.VolumeSpec{
		Name: "grown", Format: "raw", Capacity: 1 << 20,
	}, from))
	if same.Capacity != 64<<10 || grown.Capacity != 1<<20 {
		t.Errorf("the clones have %d and %d bytes", same.Capacity, grown.Capacity)
	}
	if data := must.Get[[]byte](t)(s.Host.ReadVolumeAt(ctx, pool, "grown", 0, 4)); string(data) != "boot" {
		t.Errorf("the clone holds %q", data)
	}
	_, err := s.Host.CloneVolume(ctx, pool, host.VolumeSpec{Name: "same", Format: "raw"}, from)
	fails(t, err, host.ErrExists)
	from.Name = "no-such-volume"
	_, err = s.Host.CloneVolume(ctx, pool, host.VolumeSpec{Name: "x", Format: "raw"}, from)
	fails(t, err, host.ErrNoVolume)
	from = host.CloneSource{Pool: pool, Name: "base", Format: "qcow2"}
	_, err = s.Host.CloneVolume(ctx, pool, host.VolumeSpec{Name: "x", Format: "raw"}, from)
	if wrong, ok := errors.AsType[*host.FormatError](err); !ok || wrong.Probed != "raw" {
		t.Errorf("a raw volume was cloned as a qcow2 one: %v", err)
	}
	_, err = s.Host.Volume(ctx, pool, "x")
	fails(t, err, host.ErrNoVolume)
}

func overlays(t *testing.T, s Site) {
	ctx, pool := t.Context(), s.Pool.Name
	base := must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "base", Format: "raw", Capacity: 64 << 10,
	}))
	below := host.Backing{Path: base.Path, Format: "raw"}
	made := must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "over", Format: "qcow2", Capacity: 1 << 20, Backing: &below,
	}))
	read := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, "over"))
	for _, v := range []host.Volume{made, read} {
		if v.Format != "qcow2" || v.Capacity != 1<<20 || v.Backing == nil || *v.Backing != below {
			t.Errorf("the overlay is %+v on %+v", v, v.Backing)
		}
	}

	file := overlayFile(base.Path, "raw", 1<<20)
	must.Get[host.Volume](t)(s.Host.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "sent", Format: "raw", Capacity: uint64(len(file)),
	}))
	conn := must.Get[host.Transfer](t)(s.Host.OpenTransfer(ctx))
	defer conn.Close()
	done(t, conn.UploadAll(ctx, pool, "sent", bytes.NewReader(file), 0, int64(len(file))))
	done(t, s.Host.RefreshPool(ctx, pool))
	sent := must.Get[host.Volume](t)(s.Host.Volume(ctx, pool, "sent"))
	if sent.Format != "qcow2" || sent.Capacity != 1<<20 || sent.Backing == nil || *sent.Backing != below {
		t.Errorf("an overlay that was sent is %+v on %+v", sent, sent.Backing)
	}
}

// overlayFile is the head of a qcow2 image of size bytes that stands on another one, as far as a host
// looks at it (QEMU, docs/interop/qcow2.txt).
func overlayFile(path, format string, size uint64) []byte {
	const header, extension, cluster = 104, 0xe2792aca, 64 << 10
	name := header + 8 + 8 + 8 // behind the extension with the format, and the end of extensions
	file := make([]byte, 4*cluster)
	copy(file, "QFI\xfb")
	binary.BigEndian.PutUint32(file[4:], 3) // version
	binary.BigEndian.PutUint64(file[8:], uint64(name))
	binary.BigEndian.PutUint32(file[16:], uint32(len(path)))
	binary.BigEndian.PutUint32(file[20:], 16) // bits of a cluster
	binary.BigEndian.PutUint64(file[24:], size)
	binary.BigEndian.PutUint32(file[36:], 1)         // L1 table
	binary.BigEndian.PutUint64(file[40:], cluster)   // where that is
	binary.BigEndian.PutUint64(file[48:], 2*cluster) // where the reference counts are
	binary.BigEndian.PutUint32(file[56:], 1)         // clusters of their table
	binary.BigEndian.PutUint32(file[96:], 4)         // bits of a reference count, as a power of 2
	binary.BigEndian.PutUint32(file[100:], header)   // its length
	binary.BigEndian.PutUint32(file[header:], extension)
	binary.BigEndian.PutUint32(file[header+4:], uint32(len(format)))
	copy(file[header+8:], format)
	copy(file[name:], path)
	return file
}
