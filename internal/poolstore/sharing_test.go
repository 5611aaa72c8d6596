package poolstore

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// Hosts that share a pool find each other's names in it, whenever they come to it.
func TestHostsFindEachOtherInTheirPool(t *testing.T) {
	m := newMemory()
	if id, hosts, err := m.store().UsedBy(t.Context()); id != "" || len(hosts) > 0 || err != nil {
		t.Errorf("a pool that nobody uses is %q of %q, %v", id, hosts, err)
	}
	var group sync.WaitGroup
	var want []string
	for n := range 6 {
		name := fmt.Sprintf("kvm%d", n)
		want = append(want, name)
		for range 2 { // two processes
			group.Go(func() {
				if _, err := m.store().Use(t.Context(), name); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	id, hosts, err := m.store().UsedBy(t.Context())
	if err != nil || len(id) != 12 || !slices.Equal(hosts, want) {
		t.Errorf("it is %q of %q, %v", id, hosts, err)
	}
	other := newMemory()
	if hosts, err := other.store().Use(t.Context(), "kvm0"); err != nil || !slices.Equal(hosts, []string{"kvm0"}) {
		t.Fatal(hosts, err)
	}
	if same, _, err := other.store().UsedBy(t.Context()); same == id || err != nil {
		t.Errorf("two pools have the id %q, %v", same, err)
	}
}
