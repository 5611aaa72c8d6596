package fleet

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// A process asks a pool once which hosts use it, and no other host if that is the only one.
func TestAPoolIsAskedOnceWhoUsesIt(t *testing.T) {
	inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
		at := Where{Hosts: []string{"a"}}
		w.instance(t, "before", at) // which has the image copied, and writes the document
		f := w.process()
		count := func(name string) (creates, removes int) {
			first := w.hosts["a"].Calls()
			i, _, err := create(t.Context(), f, request(name, 64), at)
			if err != nil {
				t.Fatal(err)
			}
			made := w.hosts["a"].Calls()
			if err := f.Delete(t.Context(), "a", 0, i.UUID, naming.DefaultTenant, name, hostid.ID{}); err != nil {
				t.Fatal(err)
			}
			return made - first, w.hosts["a"].Calls() - made
		}
		others := w.hosts["b"].Calls()
		count("once") // reads what is read once
		creates, removes := count("again")
		for range 3 {
			if c, r := count("more"); c != creates || r != removes {
				t.Errorf("a create makes %d requests, and then %d; a removal %d, and then %d", creates, c, removes, r)
			}
		}
		if n := w.hosts["b"].Calls(); n != others {
			t.Errorf("another host got %d requests", n-others)
		}
	})
}
