package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// crowds lets many processes ask for more than there is, at once.
func crowds(t *testing.T, site Site) {
	processes, each, limit := 32, 100, 150
	if site.Slow || testing.Short() {
		processes, each, limit = 8, 8, 20
	}
	offer(t, site, gold(int64(limit)))
	var group sync.WaitGroup
	won := make(chan int, processes)
	for i := range processes {
		c := site.Open("t1").Placements()
		group.Go(func() {
			n := 0
			for k := range each {
				p := placement(fmt.Sprintf("i-%d-%d", i, k), 1)
				_, err := c.Create(t.Context(), p.Key(), p)
				if err == nil {
					n++
					withinLimit(t, c, int64(limit))
				} else if _, over := errors.AsType[*catalog.QuotaError](err); !over {
					t.Error(err)
				}
			}
			won <- n
		})
	}
	group.Wait()
	close(won)
	told := 0
	for n := range won {
		told += n
	}
	if n := taken(t, site.Open("t1").Placements()); n != int64(limit) || told != limit {
		t.Errorf("%d of %d vCPUs are taken, and %d processes were told that they have them", n, limit, told)
	}
}

// taken sums up the vCPUs of what there is.
func taken(t *testing.T, c catalog.Collection[catalog.Placement]) int64 {
	records, err := c.List(t.Context(), "t1/")
	if err != nil {
		t.Error(err)
	}
	all := make([]catalog.Placement, len(records))
	for i, rec := range records {
		all[i] = rec.Value
	}
	return catalog.Used(slices.Values(all), "t1", "gold").VCPUs
}

func withinLimit(t *testing.T, c catalog.Collection[catalog.Placement], limit int64) {
	if n := taken(t, c); n > limit {
		t.Errorf("%d of %d vCPUs are taken", n, limit)
	}
}

// changes lets many processes create, grow, shrink and delete at random.
func changes(t *testing.T, site Site) {
	const limit = 20
	processes, each := 16, 25
	if site.Slow {
		processes, each = 4, 8
	}
	offer(t, site, gold(limit))
	var group sync.WaitGroup
	for i := range processes {
		c, random := site.Open("t1").Placements(), rand.New(rand.NewPCG(1, uint64(i)))
		group.Go(func() {
			own := map[string]catalog.Record[catalog.Placement]{}
			for k := range each {
				if err := step(t.Context(), c, random, own, fmt.Sprintf("i-%d-%d", i, k)); err != nil {
					t.Error(err)
				}
				withinLimit(t, c, limit)
			}
			for _, rec := range own {
				if err := c.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if left := must.Value(site.Open("t1").Placements().List(t.Context(), "")); len(left) > 0 {
		t.Errorf("left: %+v", left)
	}
}

// step makes one change at random, of what a process owns or of a new placement. A change that is over
// the quota is no error.
func step(
	ctx context.Context, c catalog.Collection[catalog.Placement], random *rand.Rand,
	own map[string]catalog.Record[catalog.Placement], name string,
) error {
	keys := slices.Sorted(maps.Keys(own))
	size := 1 + random.Int64N(6)
	if len(keys) == 0 || random.IntN(3) == 0 {
		p := placement(name, size)
		rec, err := c.Create(ctx, p.Key(), p)
		return noted(own, rec, err)
	}
	rec := own[keys[random.IntN(len(keys))]]
	if random.IntN(3) == 0 {
		delete(own, rec.Key)
		return c.Delete(ctx, rec.Key, rec.Revision)
	}
	rec.Value.VCPUs = size
	rec, err := c.Replace(ctx, rec.Key, rec.Revision, rec.Value)
	return noted(own, rec, err)
}

func noted(own map[string]catalog.Record[catalog.Placement], rec catalog.Record[catalog.Placement], err error) error {
	if _, over := errors.AsType[*catalog.QuotaError](err); over {
		return nil
	}
	if err == nil {
		own[rec.Key] = rec
	}
	return err
}
