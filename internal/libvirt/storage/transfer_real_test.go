package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

func TestDocumentsAreWrittenAndRead(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			name, data := fmt.Sprint("doc", i), bytes.Repeat([]byte{byte(i)}, 1000*i+1)
			if _, err := h.CreateVolume(ctx, pool, host.VolumeSpec{
				Name: name, Format: "raw", Capacity: uint64(len(data)),
			}); err != nil {
				t.Error(err)
				return
			}
			if err := h.WriteVolume(ctx, pool, name, data); err != nil {
				t.Error(err)
				return
			}
			got, err := h.ReadVolume(ctx, pool, name, int64(len(data)))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(data))
			}
			if _, err := h.ReadVolume(ctx, pool, name, int64(len(data)-1)); err == nil {
				t.Errorf("%s: a volume above the limit was read", name)
			}
		})
	}
	all.Wait()
}

func TestUploadSendsExactlyWhatItShould(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	const size = 3<<20 + 17
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "disk", Format: "raw", Capacity: size,
	}))
	transfer := must.Get[host.Transfer](t)(h.OpenTransfer(ctx))
	defer transfer.Close()

	data := bytes.Repeat([]byte("novacron"), size/8+100)
	source := bytes.NewReader(data)
	if err := transfer.Upload(ctx, pool, "disk", source, 0, size); err != nil {
		t.Fatal(err)
	}
	if left := source.Len(); left != len(data)-size {
		t.Errorf("%d bytes are left in the source, want %d", left, len(data)-size)
	}
	if err := transfer.Upload(ctx, pool, "disk", strings.NewReader("HELLO"), 100, 5); err != nil {
		t.Fatal(err)
	}
	copy(data[100:], "HELLO")
	var got bytes.Buffer
	if err := transfer.Download(ctx, pool, "disk", &got, 0, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), data[:size]) {
		t.Error("what was downloaded differs from what was uploaded")
	}
	got.Reset()
	if err := transfer.Download(ctx, pool, "disk", &got, 100, 5); err != nil || got.String() != "HELLO" {
		t.Errorf("got %q, %v", got.String(), err)
	}
	virttest.WantErr(t, transfer.Upload(ctx, pool, "none", strings.NewReader("x"), 0, 1), host.ErrNoVolume)
	virttest.WantErr(t, transfer.Download(ctx, pool, "none", io.Discard, 0, 1), host.ErrNoVolume)
	if err := transfer.Upload(ctx, pool, "disk", strings.NewReader("still here"), 0, 10); err != nil {
		t.Errorf("after errors about the volume, the transfer is of no use: %v", err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestUploadReportsItsReadersErrors(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "disk", Format: "raw", Capacity: 4 << 20,
	}))
	cause := errors.New("the disk fell off")
	for name, c := range map[string]struct {
		r    io.Reader
		want error
	}{
		"ends early":   {bytes.NewReader(make([]byte, 1<<20)), io.ErrUnexpectedEOF},
		"empty":        {strings.NewReader(""), io.ErrUnexpectedEOF},
		"fails":        {io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), brokenReader{cause}), cause},
		"fails at end": {io.MultiReader(bytes.NewReader(make([]byte, 4<<20-1)), brokenReader{cause}), cause},
	} {
		t.Run(name, func(t *testing.T) {
			transfer := must.Get[host.Transfer](t)(h.OpenTransfer(ctx))
			defer transfer.Close()
			virttest.WantErr(t, transfer.Upload(ctx, pool, "disk", c.r, 0, 4<<20), c.want)
		})
	}
}

// blockedReader hands out a little and then blocks until it is released.
type blockedReader struct {
	once    sync.Once
	blocked chan struct{}
	release chan struct{}
}

func (r *blockedReader) Read(p []byte) (int, error) {
	first := false
	r.once.Do(func() { first = true })
	if first {
		return min(len(p), 10), nil
	}
	close(r.blocked)
	<-r.release
	return 0, io.EOF
}

func TestUploadEndsWhenItIsCancelled(t *testing.T) {
	h, pool, _ := realPool(t)
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, host.VolumeSpec{
		Name: "disk", Format: "raw", Capacity: 1 << 20,
	}))
	transfer := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
	defer transfer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r := &blockedReader{blocked: make(chan struct{}), release: make(chan struct{})}
	defer close(r.release)
	go func() { <-r.blocked; cancel() }()
	virttest.WantErr(t, transfer.Upload(ctx, pool, "disk", r, 0, 1<<20), context.Canceled)
	virttest.WantErr(t, transfer.Upload(t.Context(), pool, "disk", strings.NewReader("x"), 0, 1), host.ErrUnreachable)
	must.Get[host.Volume](t)(h.Volume(t.Context(), pool, "disk")) // the control connection still works
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDownloadReportsItsWritersError(t *testing.T) {
	h, pool, _ := realPool(t)
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, host.VolumeSpec{
		Name: "disk", Format: "raw", Capacity: 32 << 20,
	}))
	transfer := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
	defer transfer.Close()
	cause := errors.New("no room")
	virttest.WantErr(t, transfer.Download(t.Context(), pool, "disk", brokenWriter{cause}, 0, 0), cause)
}

// libvirtd would keep a file open for each download that is not confirmed as finished.
func TestReadingLeavesNothingOpenOnTheHost(t *testing.T) {
	h, pool, _ := realPool(t)
	ctx := t.Context()
	root := os.Getenv("NOVACRON_TESTHOST_ROOT")
	if root == "" {
		t.Fatal("NOVACRON_TESTHOST_ROOT does not name the test host's directory")
	}
	pid := strings.TrimSpace(string(must.Get[[]byte](t)(os.ReadFile(filepath.Join(root, "run", "libvirtd.pid")))))
	path := must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
		Name: "doc", Format: "raw", Capacity: 100,
	})).Path
	open := func() (n int) {
		for _, fd := range must.Get[[]os.DirEntry](t)(os.ReadDir("/proc/" + pid + "/fd")) {
			if to, _ := os.Readlink("/proc/" + pid + "/fd/" + fd.Name()); to == path {
				n++
			}
		}
		return n
	}
	const reads = 100
	for range reads {
		must.Get[[]byte](t)(h.ReadVolume(ctx, pool, "doc", 100))
	}
	// The last confirmations may still be on their way.
	if n := open(); n > reads/10 {
		t.Errorf("after %d reads the host has the volume open %d times", reads, n)
	}
}
