package poolstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// secondHost connects to another libvirtd, on a separate test host that has the same directory as a
// pool.
func secondHost(t *testing.T, pool, dir string) *libvirt.Conn {
	t.Helper()
	own := acctest.RequireHost(t).Own(t, "second")
	h, err := libvirt.New(libvirt.Options{URI: own.URI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if _, err := h.CreateDirPool(t.Context(), pool, dir); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestAccTwoDaemonsOnOneDirectoryAgree: a daemon learns of volumes that another daemon creates only
// when it refreshes the pool.
func TestAccTwoDaemonsOnOneDirectoryAgree(t *testing.T) {
	const increments = 12
	pool, dir, hosts := realPool(t, 2)
	second := secondHost(t, pool, dir)
	all := append(stores(pool, hosts), notes(New(second, pool)), notes(New(second, pool)))
	for round := range 3 {
		var group errgroup.Group
		outcomes := make([]error, len(all))
		for i, c := range all {
			group.Go(func() error {
				_, outcomes[i] = c.Create(t.Context(), fmt.Sprintf("t/created.%d", round), note{Count: i})
				return nil
			})
		}
		_ = group.Wait()
		winner := slices.Index(outcomes, nil)
		for i, err := range outcomes {
			if i != winner && !errors.Is(err, catalog.ErrExists) {
				t.Errorf("creator %d got %v; creator %d has won", i, err, winner)
			}
		}
	}

	made := must.Get[catalog.Record[note]](t)(all[0].Create(t.Context(), "t/counter", note{}))
	if got, err := all[2].Get(t.Context(), "t/counter"); err != nil || got != made {
		t.Errorf("through the other daemon it reads as %+v, %v", got, err)
	}
	group, ctx := errgroup.WithContext(t.Context())
	for _, c := range all {
		group.Go(func() error {
			for range increments {
				if err := increment(ctx, c); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	// A new store refreshes the pool; a store in use may lag behind the other daemon for a moment.
	late := notes(New(second, pool))
	got := must.Get[catalog.Record[note]](t)(late.Get(t.Context(), "t/counter"))
	if got.Value.Count != len(all)*increments {
		t.Errorf("counted to %d, want %d", got.Value.Count, len(all)*increments)
	}
	if err := late.Delete(t.Context(), "t/counter", got.Revision); err != nil {
		t.Fatal(err)
	}
	if got, err := all[0].Get(t.Context(), "t/counter"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("deleted through the other daemon, it reads as %+v, %v", got, err)
	}
}
