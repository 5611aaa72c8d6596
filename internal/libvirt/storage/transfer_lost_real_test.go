package storage

import (
	"context"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// longer is a limit for requests that hang, while a busy machine still answers others within it.
const longer = 3 * time.Second

func TestTransfersNoticeALostDaemon(t *testing.T) {
	h, pool, _ := realPool(t)
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, host.VolumeSpec{
		Name: "disk", Format: "raw", Capacity: 64 << 20,
	}))
	r, uri := virttest.NewRelay(t, virttest.Socket(t))
	relayed := newHost(t, uri, rpc.Options{CallTimeout: longer})
	patient, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, disturb := range map[string]func(){"cut": r.Cut, "silent": func() { r.Hush(true) }} {
		r.Hush(false)
		up := must.Get[host.Transfer](t)(relayed.OpenTransfer(patient))
		source := io.MultiReader(strings.NewReader("x"), readerFunc(func(p []byte) (int, error) {
			disturb()
			return len(p), nil
		}))
		err := up.Upload(t.Context(), pool, "disk", source, 0, 64<<20)
		virttest.WantErr(t, err, host.ErrUnreachable)
		up.Close()
		t.Log(name, err)

		r.Hush(false)
		down := must.Get[host.Transfer](t)(relayed.OpenTransfer(patient))
		sink := writerFunc(func(p []byte) (int, error) { disturb(); return len(p), nil })
		err = down.Download(t.Context(), pool, "disk", sink, 0, 0)
		virttest.WantErr(t, err, host.ErrUnreachable)
		down.Close()
		t.Log(name, err)
	}
}

// libvirt 9.0 can crash if the connection of an upload is closed before the upload is aborted.
func TestACancelledUploadIsAbortedFirst(t *testing.T) {
	h, pool, _ := realPool(t)
	must.Get[host.Volume](t)(h.CreateVolume(t.Context(), pool, host.VolumeSpec{
		Name: "disk", Format: "raw", Capacity: 64 << 20,
	}))
	r, uri := virttest.NewRelay(t, virttest.Socket(t))
	transfer := must.Get[host.Transfer](t)(newHost(t, uri, rpc.Options{}).OpenTransfer(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	source := readerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	virttest.WantErr(t, transfer.Upload(ctx, pool, "disk", source, 0, 64<<20), context.Canceled)
	transfer.Close()

	// the words of the last header: of virnetprotocol.x, the length, program, version, procedure,
	// type, serial, status
	var last []uint32
	for asked := r.Asked(); len(asked) > 0; asked = asked[last[0]:] {
		last = nil
		for i := range 7 {
			last = append(last, binary.BigEndian.Uint32(asked[4*i:]))
		}
	}
	if kind, status := last[4], last[6]; kind != 3 || status != 1 {
		t.Errorf("the last frame has the type %d and the status %d, want 3 (VIR_NET_STREAM) and 1 (VIR_NET_ERROR)",
			kind, status)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
