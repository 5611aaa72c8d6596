package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// As TestAnyOrderOfEventsIsSettled, while one of the hosts is lost for some time, and is not asked then. Once it
// is back, a person removes what is superseded there.
func TestAnyOrderOfEventsIsSettledWithoutALostHost(t *testing.T) {
	first := number(t, envSeed, 1)
	for n := range number(t, envRounds, fewRounds) {
		seed := first + n
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			limits := provision.Limits{VCPUs: 100, Memory: mostMemory / float64(64<<10)}
			inWorld(t, limits, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
				e := &events{
					world: w, draw: rand.New(rand.NewPCG(seed, 1)), state: map[string]known{}, dead: leasetest.Dead(t),
				}
				defer func() {
					if t.Failed() {
						t.Log(strings.Join(e.past, "\n"))
					}
				}()
				begins := 5 + e.draw.IntN(10)
				for n := range 30 {
					if n == begins {
						e.lost = "b"
						e.note("host b is lost")
						w.loses(t, "b")
					}
					if e.next(t); e.within(t) {
						return
					}
				}
				e.comesBack(t)
				e.settle(t)
				e.end(t)
			})
		})
	}
}

// comesBack ends the loss of the host, and removes by hand what is there besides the instances that the catalog
// has there.
func (e *events) comesBack(t *testing.T) {
	t.Helper()
	h := e.hosts[e.lost]
	h.Inject = nil
	e.says(t, e.lost, catalog.HostActive, "")
	keeps := map[string]string{}
	f := e.process()
	for _, rec := range must.Get[[]catalog.Record[catalog.Placement]](t)(f.placements.List(t.Context(), "")) {
		if rec.Value.Host == e.lost {
			keeps[rec.Value.Name] = rec.Value.UUID
		}
	}
	domains, _, err := h.AllDomains(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range domains {
		if uuid, kept := keeps[d.Name]; !kept || uuid != "" && uuid != d.UUID {
			delete(keeps, d.Name)
			if err := h.UndefineDomain(t.Context(), d.UUID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, v := range must.Get[[]string](t)(h.VolumeNames(t.Context(), thePool)) {
		for n := range 8 {
			name := fmt.Sprintf("i%d", n)
			_, kept := keeps[name]
			of := func(prefix string) bool { return strings.HasPrefix(v, prefix) }
			if !kept && slices.ContainsFunc(naming.InstancePrefixes(naming.DefaultTenant, name), of) {
				if err := h.DeleteVolume(t.Context(), thePool, v); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	e.note("host %s is back", e.lost)
	e.lost = ""
}
