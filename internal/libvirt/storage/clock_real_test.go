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

// While a machine sleeps, only one of its clocks goes on.
func TestAReadingFromBeforeASleepIsOfNoUse(t *testing.T) {
	for what, c := range map[string]struct {
		wall, monotonic time.Duration
		drifted         bool
	}{
		"right away":                 {0, 0, false},
		"after a day":                {24 * time.Hour, 24 * time.Hour, false},
		"a clock that was put right": {24*time.Hour - 2*time.Second, 24 * time.Hour, false},
		"after a short sleep":        {time.Hour + 30*time.Second, time.Hour, false},
		"after a night":              {9 * time.Hour, time.Hour, true},
		"a clock that was put back":  {-time.Hour, time.Hour, true},
	} {
		if got := drifted(c.wall, c.monotonic); got != c.drifted {
			t.Errorf("%s, the reading counts as of no use: %t, want %t", what, got, c.drifted)
		}
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
