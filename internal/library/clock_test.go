package library

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Deadlines of running work are judged by the catalog's clock: this machine's may be ahead of it or
// behind.
func TestAWrongClockEndsNobodysWork(t *testing.T) {
	const elsewhere = "elsewhere/4711/m/b/1-1/99"
	for _, ahead := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} { // of this machine's
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			m := &memory{ahead: ahead}
			ann := m.as(t, "shop", "ann")
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
			defer cancel()
			at := func(d time.Duration) time.Time { return must.Get[time.Time](t)(m.Now(ctx)).Add(d) }

			claimed, _, err := registrar{ann}.claimVersion(ctx,
				VersionRequest{ID: catalog.TemplateID{Tenant: "shop", Name: "web"}.Version("1.0.0")})
			if err != nil {
				t.Fatal(err)
			}
			work := claimed.Claim.Lease()
			if off := work.Deadline.Sub(at(20 * time.Minute)).Abs(); off > time.Minute || work.Since.After(at(0)) {
				t.Errorf("the claim is from %s until %s, and it is %s", work.Since, work.Deadline, at(0))
			}
			for left, dead := range map[time.Duration]bool{
				time.Minute: false, -time.Minute: false, -lease.Slack - time.Minute: true,
			} {
				v := catalog.Version{Claim: &catalog.Claim{Runner: elsewhere, Deadline: at(left)}}
				if got := ann.Images.Abandoned(ctx, v); got != dead {
					t.Errorf("with %s left, a registration elsewhere counts as dead: %t, want %t", left, got, dead)
				}
			}
			for ago, marked := range map[time.Duration]bool{
				0: true, time.Minute: true, catalog.DeleteLease: true,
				catalog.DeleteLease + lease.Slack + time.Minute: false,
			} {
				since := at(-ago)
				if got := ann.deleting(ctx, catalog.Version{DeletingSince: &since}); got != marked {
					t.Errorf("marked %s ago, a version is being removed: %t, want %t", ago, got, marked)
				}
			}
		})
	}
}

// A registration that failed at its deadline lets go of its image, and then withdraws its claim.
// Only then may it count as dead.
func TestUndoingEndsBeforeTheSlack(t *testing.T) {
	if undos := 2 * step.UndoTime; undos >= lease.Slack {
		t.Errorf("two undos may take %s, and a process counts as dead after %s", undos, lease.Slack)
	}
}
