package storage

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestAPoolTellsTheTime(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{Name: "nova.clock.left", Format: "raw"}))
	dead := naming.NewClock("shop", leasetest.DeadMark(t))
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{Name: dead, Format: "raw"}))
	left := filepath.Join(path, "nova.clock.left")
	if err := os.Chtimes(left, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	right := func(what string, said time.Time) {
		t.Helper()
		if off := time.Since(said); off < 0 || off > 10*time.Second { // the host and this machine share a clock
			t.Errorf("%s: the pool's time is %s off", what, off)
		}
	}
	asks := realHost(t)
	before := asks.Calls()
	right("asked", must.Get[time.Time](t)(asks.Time(ctx, pool)))
	if asks.Calls() == before {
		t.Error("the time came from nowhere")
	}
	if names := must.Get[[]string](t)(h.VolumeNames(ctx, pool)); len(names) != 0 {
		t.Errorf("left in the pool: %q", names)
	}
	before = asks.Calls()
	first := must.Get[time.Time](t)(asks.Time(ctx, pool))
	right("known", first)
	for next := first; !next.After(first); next = must.Get[time.Time](t)(asks.Time(ctx, pool)) {
		right("later", next)
	}
	if made := asks.Calls() - before; made != 0 {
		t.Errorf("a time that is known took %d requests", made)
	}
}

// A clock continues from its last reading, independently of this machine's own clock.
func TestAReadingGoesOn(t *testing.T) {
	there := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	r := reading{there: there, here: time.Now().Add(-time.Minute)}
	if now := r.now(); now.Before(there.Add(time.Minute)) || now.After(there.Add(2*time.Minute)) {
		t.Errorf("a minute after %s it is %s", there, now)
	}
}
