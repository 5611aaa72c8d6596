package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
)

// While a process clears away what a dead create has left, it holds the name. Otherwise another process could
// create an instance of the name meanwhile, and lose its disks, which have the same names.
func TestTheNameIsHeldWhileItIsCleared(t *testing.T) {
	sweeps := func(t *testing.T, w *world) error { w.process().sweep(t.Context()); return nil }
	creates := func(t *testing.T, w *world) error {
		_, _, err := create(t.Context(), w.process(), request("it", 64), only("a"))
		return err
	}
	for doing, clears := range map[string]func(t *testing.T, w *world) error{"a sweep": sweeps, "a create": creates} {
		want := []string{"other on a (placed)"}
		if doing == "a create" {
			want = []string{"it on a (placed)", "other on a (placed)"}
		}
		inWorld(t, plenty, []string{"h", "a"}, func(t *testing.T, w *world) {
			a, dead := w.hosts["a"], false
			a.Inject = func(c fakehost.Call) fakehost.Fault {
				if dead = dead || c.Method == "StartDomain"; dead {
					return fakehost.Fault{Before: host.ErrUnreachable}
				}
				return fakehost.Fault{}
			}
			r := request("it", 64)
			r.Running = true
			if _, _, err := create(t.Context(), w.process(), r, only("a")); err == nil || !dead {
				t.Fatal("the create did not die")
			}
			a.Inject = nil
			(&events{world: w, dead: leasetest.Dead(t)}).bury(t, a)
			time.Sleep(2 * time.Hour) // until what it has claimed has ended

			// What cannot be removed is left to the next one, which need not wait.
			a.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method == "DeleteVolume" {
					return silent(c)
				}
				return fakehost.Fault{}
			}
			_ = clears(t, w)
			// A create of another process at this moment would find the name taken.
			var cleared []string
			a.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method == "DeleteVolume" && strings.HasPrefix(c.Object, thePool+"/nova.disk.") {
					f := w.process()
					rec := must.Get[catalog.Record[catalog.Placement]](t)(f.placements.Get(t.Context(), "default/it"))
					if rec.Value.Abandoned(must.Get[time.Time](t)(f.clock(t.Context()))) {
						t.Errorf("%s removes %s, and anybody may create another one: %+v", doing, c.Object, rec.Value)
					}
					cleared = append(cleared, c.Object)
				}
				return fakehost.Fault{}
			}
			if err := clears(t, w); err != nil || len(cleared) == 0 {
				t.Errorf("%s removes %q: %v", doing, cleared, err)
			}
			a.Inject = nil
			if _, _, err := create(t.Context(), w.process(), request("other", 64), only("a")); err != nil {
				t.Error(err)
			}
			if got := w.placements(t); !slices.Equal(got, want) {
				t.Errorf("after %s, the placements are %q, want %q", doing, got, want)
			}
		})
	}
}
