package fleet

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// What placements may cost at most, in a pool: a create writes the placement twice and looks at the host's
// room, and a removal writes it twice. Placements that are written at once share these requests.
const (
	mostForCreate  = 18
	mostForRemoval = 30
	mostForStates  = 4 // to read the states of all hosts, once a process
)

// What a host's name costs: requests to the host, which has the catalog in its pool, beyond those of a host
// without a name. A refresh costs none, but for the first of a process.
func TestWhatANameCosts(t *testing.T) {
	count := func(name string) (creates, first, refreshes, removes int) {
		inWorld(t, plenty, []string{name}, func(t *testing.T, w *world) {
			h, since := w.hosts[name], 0
			calls := func() (n int) {
				n, since = h.Calls()-since, h.Calls()
				return n
			}
			f := w.process()
			calls()
			i, _, err := create(t.Context(), f, request("it", 1024), Where{})
			if err != nil {
				t.Fatal(err)
			}
			creates = calls()
			f = w.process()
			for _, n := range []*int{&first, &refreshes} {
				if _, _, err := f.Refresh(t.Context(), name, i.UUID); err != nil {
					t.Error(err)
				}
				*n = calls()
			}
			f = w.process()
			if err := f.Delete(t.Context(), name, 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{}); err != nil {
				t.Error(err)
			}
			removes = calls()
		})
		return creates, first, refreshes, removes
	}
	creates, first, refreshes, removes := count("")
	namedCreates, namedFirst, namedRefreshes, namedRemoves := count("a")
	t.Logf("without a name: a create makes %d requests, the first refresh %d, another %d, a removal %d; with a name: "+
		"%d, %d, %d, %d", creates, first, refreshes, removes, namedCreates, namedFirst, namedRefreshes, namedRemoves)
	if more := namedFirst - first; more > mostForStates {
		t.Errorf("the first refresh makes %d requests more with a name, want %d", more, mostForStates)
	}
	if refreshes != namedRefreshes {
		t.Errorf("a refresh makes %d requests, and %d with a name", refreshes, namedRefreshes)
	}
	if more := namedCreates - creates; more > mostForCreate {
		t.Errorf("a create makes %d requests more with a name, want %d", more, mostForCreate)
	}
	if more := namedRemoves - removes; more > mostForRemoval {
		t.Errorf("a removal makes %d requests more with a name, want %d", more, mostForRemoval)
	}
}
