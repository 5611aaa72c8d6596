package fleet

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// begun is a move to a host that a process has begun: everything is copied.
func (w *world) begun(t *testing.T, uuid, to string, where Where) *move {
	t.Helper()
	f := w.process()
	i, on, err := f.Read(t.Context(), "", uuid)
	if err != nil {
		t.Fatal(err)
	}
	b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
	target, _ := f.Member(to)
	m := &move{
		fleet: f, cargo: must.Get[provision.Cargo](t)(on.Cargo(t.Context(), i, b)), where: where, from: on, to: target,
	}
	for _, do := range []func(context.Context) error{m.placement, m.enter, m.fill} {
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// A process that wakes up after others took it for dead leaves to them what they have done since.
func TestAMoveThatWasTakenForDeadChangesNothing(t *testing.T) {
	for name, meanwhile := range map[string]string{"it stays": "a", "it moves elsewhere": "c", "it moves there": "b"} {
		inWorld(t, plenty, []string{"h", "a", "b", "c"}, func(t *testing.T, w *world) {
			uuid := w.created(t, "a").UUID
			w.guarded(t)
			m := w.begun(t, uuid, "b", Where{})
			time.Sleep(2 * time.Hour)
			w.applied(t, "a", uuid, meanwhile, name)
			if err := m.commit(t.Context()); err == nil {
				t.Errorf("%s: the move goes on", name)
			}
			w.isOn(t, meanwhile, uuid, name)
		})
	}
}

// A guest that somebody starts while it is copied stays, and its copy goes.
func TestAGuestThatIsStartedDuringItsMoveStays(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		uuid := w.created(t, "a").UUID
		w.guarded(t)
		started := false
		w.hosts["a"].Inject = nil // it would ask host b whether the guest runs there
		w.inject(t, "b", func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Upload" && strings.HasSuffix(c.Object, dataDisk) && !started {
				started = true
				if err := w.hosts["a"].StartDomain(t.Context(), uuid); err != nil {
					t.Error(err)
				}
			}
			return fakehost.Fault{}
		})
		on, err := apply(t.Context(), w.process(), "a", uuid, only("b"))
		if err == nil || on != "a" {
			t.Errorf("it is on %s, %v", on, err)
		}
		w.isOn(t, "a", uuid, "started meanwhile")
	})
}
