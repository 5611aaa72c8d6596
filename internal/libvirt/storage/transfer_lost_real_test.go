package storage

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// longer is a limit for what hangs among requests that a busy machine answers as well.
const longer = 3 * time.Second

func TestTransfersNoticeALostDaemon(t *testing.T) {
	h, pool, _ := realPool(t)
	virttest.Must[Volume](t)(h.CreateVolume(t.Context(), pool, VolumeSpec{Name: "disk", Format: "raw", Capacity: 64 << 20}))
	r, uri := virttest.NewRelay(t, virttest.Socket(t))
	relayed := newHost(t, uri, rpc.Options{CallTimeout: longer})
	for name, disturb := range map[string]func(){"cut": r.Cut, "silent": func() { r.Hush(true) }} {
		r.Hush(false)
		up := virttest.Must[*Transfer](t)(relayed.OpenTransfer(t.Context()))
		source := io.MultiReader(strings.NewReader("x"), readerFunc(func(p []byte) (int, error) { disturb(); return len(p), nil }))
		err := up.Upload(t.Context(), pool, "disk", source, 0, 64<<20)
		virttest.WantErr(t, err, virterr.ErrUnreachable)
		up.Close()
		t.Log(name, err)

		r.Hush(false)
		down := virttest.Must[*Transfer](t)(relayed.OpenTransfer(t.Context()))
		sink := writerFunc(func(p []byte) (int, error) { disturb(); return len(p), nil })
		err = down.Download(t.Context(), pool, "disk", sink, 0, 0)
		virttest.WantErr(t, err, virterr.ErrUnreachable)
		down.Close()
		t.Log(name, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
