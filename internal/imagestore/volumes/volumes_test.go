package volumes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// create creates a volume of the pool with that content.
func create(t *testing.T, p *Pool, spec host.VolumeSpec, content []byte) host.Volume {
	t.Helper()
	must.Get[host.Volume](t)(p.host.CreateVolume(t.Context(), p.name, spec))
	if err := p.host.WriteVolume(t.Context(), p.name, spec.Name, content); err != nil {
		t.Fatal(err)
	}
	return must.Get[host.Volume](t)(p.host.Volume(t.Context(), p.name, spec.Name))
}

func raw(name string) host.VolumeSpec { return host.VolumeSpec{Name: name, Format: "raw", Capacity: 1} }

func TestAVolumeIsFoundByItsFile(t *testing.T) {
	p, h := inMemory(t)
	create(t, p, raw("v"), []byte("data"))
	if v, err := p.VolumeAt(t.Context(), "/images/v"); err != nil || v.Pool != "images" || v.Name != "v" {
		t.Errorf("found %+v, %v", v, err)
	}
	for _, missing := range []string{"/images/w", "/images/below/v", "/elsewhere/v"} {
		if v, err := p.VolumeAt(t.Context(), missing); !errors.Is(err, host.ErrNoVolume) {
			t.Errorf("at %s: %+v, %v", missing, v, err)
		}
	}
	h.StopPool("images")
	if v, err := p.VolumeAt(t.Context(), "/images/v"); !errors.Is(err, host.ErrNoVolume) {
		t.Errorf("in a pool that is not active: %+v, %v", v, err)
	}
}

func TestAVolumeNeedsOnlyWhatTheHostSees(t *testing.T) {
	p, _ := inMemory(t)
	create(t, p, raw("below"), []byte("data"))
	below := &host.Backing{Path: "/images/below", Format: "raw"}
	qcow2 := func(name string, on *host.Backing) host.VolumeSpec {
		return host.VolumeSpec{Name: name, Format: "qcow2", Backing: on}
	}
	vmdk := host.VolumeSpec{Name: "vmdk", Format: "vmdk"}
	for says, v := range map[string]host.Volume{
		"":                                      create(t, p, raw("raw"), []byte("QFI is no header")),
		"only raw and qcow2 can be read":        create(t, p, vmdk, []byte("KDMV")),
		`stands on "" by its header, and on "/`: create(t, p, qcow2("on", below), imagetest.Qcow2(nil)),
	} {
		err := p.CheckLinks(t.Context(), v)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", v.Name, err, says)
		}
	}
	if err := p.CheckLinks(t.Context(), create(t, p, qcow2("alone", nil), imagetest.Qcow2(nil))); err != nil {
		t.Errorf("one that stands alone: %v", err)
	}
}

func TestAVolumeStandsOnItsParents(t *testing.T) {
	p, _ := inMemory(t)
	create(t, p, raw("below"), []byte("data"))
	parent := catalog.Base{Volume: "below", Format: "raw"}
	for want, on := range map[string]*host.Backing{
		"":               {Path: "/images/below", Format: "raw"},
		"nothing":        nil,
		"another format": {Path: "/images/below", Format: "qcow2"},
		"another file":   {Path: "/images/other", Format: "raw"},
	} {
		err := p.StandsOn(t.Context(), host.Volume{Backing: on}, parent)
		wrong, is := errors.AsType[*NotStandingError](err)
		if is != (want != "") || is && wrong.On != "/images/below" || !is && err != nil {
			t.Errorf("on %s: %v", want, err)
		}
	}
	if err := p.StandsOn(t.Context(), host.Volume{}, catalog.Base{Volume: "gone"}); !errors.Is(err, host.ErrNoVolume) {
		t.Errorf("on a volume that is gone: %v", err)
	}
}

func TestDeletingAVolumeThatIsGoneIsNoError(t *testing.T) {
	p, h := inMemory(t)
	create(t, p, raw("v"), nil)
	failing(h, "DeleteVolume", fakehost.Fault{After: host.ErrNoAnswer})
	if err := p.DeleteVolume(t.Context(), "v"); !errors.Is(err, host.ErrNoAnswer) {
		t.Errorf("an answer was lost: %v", err)
	}
	if err := p.DeleteVolume(t.Context(), "v"); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func TestDeletingWaitsForAVolumeInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, h := inMemory(t)
		create(t, p, raw("v"), nil)
		busy := 3
		h.Inject = func(c fakehost.Call) (f fakehost.Fault) {
			if c.Method == "DeleteVolume" && busy > 0 {
				busy--
				f.Before = host.ErrOperationInvalid
			}
			return f
		}
		begun := time.Now()
		if err := p.DeleteVolume(t.Context(), "v"); err != nil || time.Since(begun) != 3*watchInterval {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if _, err := h.Volume(t.Context(), "images", "v"); !errors.Is(err, host.ErrNoVolume) {
			t.Errorf("the volume: %v", err)
		}

		failing(h, "DeleteVolume", fakehost.Fault{Before: host.ErrOperationInvalid})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+watchInterval/2)
		defer cancel()
		if err := p.DeleteVolume(ctx, "v"); !errors.Is(err, host.ErrOperationInvalid) || ctx.Err() == nil {
			t.Errorf("until the time runs out: %v", err)
		}
	})
}

func TestTheMapOfAnImageIsStoredOnce(t *testing.T) {
	p, h := inMemory(t)
	conn := must.Get[host.Transfer](t)(h.OpenTransfer(t.Context()))
	m := blockmap.New(3 * blockmap.BlockSize)
	for block := range m.Blocks() {
		m.Append(block, m.SumOf(bytes.Repeat([]byte{1}, blockmap.BlockSize)))
	}
	stored := func() *blockmap.Map {
		r := must.Get[io.ReadCloser](t)(h.OpenVolume(t.Context(), "images", naming.BlockMap("v")))
		defer r.Close()
		return must.Get[*blockmap.Map](t)(blockmap.Read(r))
	}
	if err := p.StoreBlocks(t.Context(), conn, "v", m); err != nil {
		t.Fatal(err)
	}
	want, _ := m.At(2)
	if got, there := stored().At(2); !there || got != want || stored().Blocks() != 3 {
		t.Errorf("stored is %v, %t of %d blocks, want %v of 3", got, there, stored().Blocks(), want)
	}
	err := p.StoreBlocks(t.Context(), conn, "v", blockmap.New(blockmap.BlockSize))
	if err != nil || stored().Blocks() != 3 {
		t.Errorf("another map was stored over it: %v", err)
	}
	failing(h, "CreateVolume", fakehost.Fault{After: host.ErrNoAnswer})
	if err := p.StoreBlocks(t.Context(), conn, "w", m); !errors.Is(err, host.ErrNoAnswer) || !step.MayBeDone(err) {
		t.Errorf("an answer was lost: %v", err)
	}
	failing(h, "Upload", fakehost.Fault{Before: host.ErrUnreachable})
	if err := p.StoreBlocks(t.Context(), conn, "x", m); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("the connection was lost: %v", err)
	}
}

// mirrored is a host whose volumes are a file of this machine.
type mirrored struct {
	host.Host
	path string
}

func (m mirrored) WriteVolume(_ context.Context, _, _ string, data []byte) error {
	return os.WriteFile(m.path, data, 0o600)
}

func TestAFileIsAVolumesIfTheHostWritesToIt(t *testing.T) {
	p, h := inMemory(t)
	create(t, p, raw("v"), nil)
	path := filepath.Join(t.TempDir(), "v")
	opened := must.Get[*os.File](t)(os.Create(path))
	defer opened.Close()
	if same, err := p.IsVolume(t.Context(), "v", opened); same || err != nil {
		t.Errorf("another file: %t, %v", same, err)
	}
	if same, err := New(mirrored{h, path}, "images").IsVolume(t.Context(), "v", opened); !same || err != nil {
		t.Errorf("the volume's own: %t, %v", same, err)
	}
	if same, err := p.IsVolume(t.Context(), "gone", opened); same || !errors.Is(err, host.ErrNoVolume) {
		t.Errorf("of a volume that is gone: %t, %v", same, err)
	}
}

func TestAPoolIsAskedForRoom(t *testing.T) {
	p, h := inMemory(t)
	room := must.Get[int64](t)(p.CheckRoom(t.Context(), 1))
	if got, err := p.CheckRoom(t.Context(), room); err != nil || got != room {
		t.Errorf("for all that is free: %d, %v, want %d", got, err, room)
	}
	if got, err := p.CheckRoom(t.Context(), room+1); err == nil || got != room {
		t.Errorf("for more than is free: %d, %v", got, err)
	}
	from := file.Source{Path: "disk.img"}
	capacity := int64(must.Get[host.Pool](t)(h.Pool(t.Context(), "images")).Capacity)
	for size, fits := range map[int64]bool{0: true, -1: true, 1: true, capacity: true, capacity + 1: false} {
		err := p.CheckCapacity(t.Context(), from, size)
		if _, blamed := errors.AsType[*image.SourceError](err); blamed == fits || fits && err != nil {
			t.Errorf("for %d bytes of %d: %v", size, capacity, err)
		}
	}
	failing(h, "Pool", fakehost.Fault{Before: host.ErrUnreachable})
	if err := p.CheckCapacity(t.Context(), from, capacity+1); err != nil {
		t.Errorf("of a host that does not answer: %v", err)
	}
}
