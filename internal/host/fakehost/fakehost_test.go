package fakehost_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hosttest"
)

func TestContract(t *testing.T) {
	var n atomic.Int64
	hosttest.Run(t, func(t *testing.T) hosttest.Site {
		h := fakehost.New()
		pool, err := h.CreateDirPool(t.Context(), "pool", "/pool")
		if err != nil {
			t.Fatal(err)
		}
		return hosttest.Site{
			Host: h, Pool: pool, StopPool: func(*testing.T) { h.StopPool("pool") },
			Unique: rand.Text, UUID: func() string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n.Add(1)) },
		}
	})
}

func TestFaultsAreInjected(t *testing.T) {
	ctx := t.Context()
	h := fakehost.New()
	if _, err := h.CreateDirPool(ctx, "pool", "/pool"); err != nil {
		t.Fatal(err)
	}
	volume := host.VolumeSpec{Name: "v", Format: "raw", Capacity: 1}
	var seen []string
	fault := fakehost.Fault{Before: host.ErrUnreachable}
	h.Inject = func(c fakehost.Call) fakehost.Fault {
		seen = append(seen, fmt.Sprintf("%d %s %s", c.N, c.Method, c.Object))
		return fault
	}
	if _, err := h.CreateVolume(ctx, "pool", volume); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	fault = fakehost.Fault{After: host.ErrNoAnswer}
	if _, err := h.CreateVolume(ctx, "pool", volume); !errors.Is(err, host.ErrNoAnswer) {
		t.Errorf("got %v: the first request was carried out, or the second failed otherwise", err)
	}
	fault = fakehost.Fault{}
	if _, err := h.CreateVolume(ctx, "pool", volume); !errors.Is(err, host.ErrExists) {
		t.Errorf("got %v: the second request was not carried out", err)
	}
	if want := "[2 CreateVolume pool/v 3 CreateVolume pool/v 4 CreateVolume pool/v]"; fmt.Sprint(seen) != want || h.Calls() != 4 {
		t.Errorf("seen are %q, of %d", seen, h.Calls())
	}
}
