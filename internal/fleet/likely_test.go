package fleet

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// manyHosts are the names of hosts.
func manyHosts(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("h%02d", i)
	}
	return names
}

// counting counts how often each host is asked for its room.
func (w *world) counting() (asked func() (hosts int, requests int)) {
	var mu sync.Mutex
	by := map[string]int{}
	for name, h := range w.hosts {
		h.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "Allotments" {
				mu.Lock()
				defer mu.Unlock()
				by[name]++
			}
			return fakehost.Fault{}
		}
	}
	return func() (hosts, requests int) {
		mu.Lock()
		defer mu.Unlock()
		hosts = len(by)
		for _, n := range by {
			requests += n
		}
		clear(by)
		return hosts, requests
	}
}

// A process that creates instances on many hosts asks all of them once in a while, and a few for each instance. It
// spreads them all the same.
func TestACreateAsksFewOfManyHosts(t *testing.T) {
	inWorld(t, plenty, manyHosts(48), func(t *testing.T, w *world) {
		f, asked := w.process(), w.counting()
		on := map[string]int{}
		for n := range 96 {
			_, name, err := create(t.Context(), f, request(fmt.Sprintf("i-%d", n), 64), Where{})
			if err != nil {
				t.Fatal(err)
			}
			on[name]++
			hosts, requests := asked()
			switch {
			case n == 0 && hosts != 48:
				t.Errorf("the first create asks %d hosts", hosts)
			case n > 0 && (hosts > askedFirst || requests > askedFirst+1): // that one is where it is defined
				t.Errorf("create %d asks %d hosts %d times", n, hosts, requests)
			}
		}
		for name, n := range on {
			if n != 2 {
				t.Errorf("host %s has %d of 96 instances", name, n)
			}
		}
		time.Sleep(2 * roomAge)
		if _, _, err := create(t.Context(), f, request("later", 64), Where{}); err != nil {
			t.Fatal(err)
		}
		if hosts, _ := asked(); hosts != 48 {
			t.Errorf("later, a create asks %d hosts", hosts)
		}
	})
}

// Whatever other processes do meanwhile, an instance gets the last room that there is.
func TestTheLastRoomOfManyHostsIsFound(t *testing.T) {
	const room = 2 // instances a host, which has 64 GiB
	limits := provision.Limits{Memory: float64(room*64) / float64(64<<10)}
	inWorld(t, limits, manyHosts(40), func(t *testing.T, w *world) {
		processes := []*Fleet{w.process(), w.process(), w.process()}
		placed := 0
		for n := range 2*40*room + 3 {
			_, _, err := create(t.Context(), processes[n%3], request(fmt.Sprintf("i-%d", n), 64), Where{
				Policy: []catalog.PlacementPolicy{catalog.Spread, catalog.Pack}[n%2],
			})
			if err == nil {
				placed++
				continue
			}
			if _, full := errors.AsType[*NoRoomError](err); !full || placed != 40*room {
				t.Fatalf("after %d instances: %v", placed, err)
			}
			break
		}
		if placed != 40*room {
			t.Errorf("placed %d instances, want %d", placed, 40*room)
		}
	})
}

// A domain of the instance's name is in the way also on a host that is not asked again.
func TestANameOnAHostThatIsNotAskedIsTaken(t *testing.T) {
	inWorld(t, plenty, manyHosts(40), func(t *testing.T, w *world) {
		f := w.process()
		first, on, err := create(t.Context(), f, request("first", 4096), Where{Hosts: []string{"h39"}})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := f.placements.Get(t.Context(), catalog.PlacementKey(first.Facts.Tenant, "first"))
		if err == nil { // as that of an instance from before hosts had names
			err = f.placements.Delete(t.Context(), rec.Key, rec.Revision)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := create(t.Context(), f, request("look", 64), Where{}); err != nil {
			t.Fatal(err)
		}
		if _, other, err := create(t.Context(), f, request("first", 64), Where{}); err == nil {
			t.Errorf("a second one was created on %s beside the one on %s", other, on)
		}
	})
}
