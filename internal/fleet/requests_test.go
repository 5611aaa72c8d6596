package fleet

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// What placements may cost at most, in a pool: a create writes the placement twice and looks at the host's
// room, and a removal writes it twice. Placements that are written at once share these requests.
const (
	mostForCreate  = 16
	mostForRemoval = 27
)

// What a host's name costs: requests to the host, which has the catalog in its pool, beyond those of a host
// without a name. A refresh costs none.
func TestWhatANameCosts(t *testing.T) {
	count := func(name string) (creates, refreshes, removes int) {
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
			if _, _, err := f.Refresh(t.Context(), name, i.UUID); err != nil {
				t.Error(err)
			}
			refreshes = calls()
			f = w.process()
			if err := f.Delete(t.Context(), name, 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{}); err != nil {
				t.Error(err)
			}
			removes = calls()
		})
		return creates, refreshes, removes
	}
	creates, refreshes, removes := count("")
	namedCreates, namedRefreshes, namedRemoves := count("a")
	t.Logf("without a name: a create makes %d requests, a refresh %d, a removal %d; with a name: %d, %d, %d", creates,
		refreshes, removes, namedCreates, namedRefreshes, namedRemoves)
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
