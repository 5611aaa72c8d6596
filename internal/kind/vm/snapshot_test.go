package vm

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent/agenttest"
	"github.com/novacron/terraform-provider-novacron/internal/guest/resume"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// snapshot begins to make a snapshot.
func (r *rig) snapshot(w catalog.Warm) kind.SnapshotBuild {
	r.Helper()
	b := r.build(func(_ *kind.Request, b *kind.Blueprint) { b.Drives = b.Drives[:1] })
	shape, err := r.driver.Shape(r.Context(), b.Blueprint)
	r.ok(err)
	return kind.SnapshotBuild{
		Snapshot: catalog.Snapshot{Stem: naming.NewWarmStem(), Shape: shape},
		Warm:     w, Blueprint: b.Blueprint, Image: b.Image, Pool: b.Pool,
	}
}

// A service may begin to listen after the guest was sealed, while it settles.
func TestAGuestThatListensOnceItHasSettledIsNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const settles = time.Minute
		r := newRig(t)
		var sealed time.Time
		r.Agent = (&agenttest.Agent{Run: func(_, script string) (string, int) {
			switch {
			case script != resume.Silent():
				sealed = time.Now()
				return resume.Facts{Version: 1, Reseed: "perl"}.String(), 0
			case time.Since(sealed) < settles:
				return "", 0
			}
			return "", 1
		}}).Command
		b := r.snapshot(catalog.Warm{SettleSeconds: int64(settles / time.Second)})
		_, err := r.driver.MakeSnapshot(t.Context(), b)
		if err == nil || !strings.Contains(err.Error(), "step settle: the guest cannot be resumed as another one") {
			t.Errorf("it ended with %v", err)
		}
		if sealed.IsZero() {
			t.Error("the guest was not sealed")
		}
		r.ok(r.RefreshPool(t.Context(), "lib"))
		_, err = r.Volume(t.Context(), "lib", naming.WarmMemory(b.Snapshot.Stem))
		if !errors.Is(err, host.ErrNoVolume) {
			t.Errorf("its memory was saved: %v", err)
		}
	})
}
