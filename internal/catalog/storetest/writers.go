package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// writers lets many processes change one document, and create others beside it.
func writers(t *testing.T, site Site) {
	const processes, changes = 16, 2
	must.Value(site.Open("t1").Templates().Create(t.Context(), "t1/a", template("a")))
	var group sync.WaitGroup
	for i := range processes {
		c := site.Open("t1").Templates()
		group.Go(func() {
			for n := range changes {
				own := template(fmt.Sprintf("own-%d-%d", i, n))
				if _, err := c.Create(t.Context(), own.ID.String(), own); err != nil {
					t.Error(err)
				}
				if err := mark(t.Context(), c, fmt.Sprintf("%d-%d", i, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	c := site.Open("t1").Templates()
	if marks := must.Value(c.Get(t.Context(), "t1/a")).Value.Labels; len(marks) != processes*changes {
		t.Errorf("%d of %d changes are there: %q", len(marks), processes*changes, slices.Sorted(maps.Keys(marks)))
	}
	if all := must.Value(c.List(t.Context(), "t1/own-")); len(all) != processes*changes {
		t.Errorf("%d of %d documents are there", len(all), processes*changes)
	}
}

// mark adds a label to the template "t1/a", and repeats that whenever another change came first.
func mark(ctx context.Context, c catalog.Collection[catalog.Template], label string) error {
	for {
		rec, err := c.Get(ctx, "t1/a")
		if err != nil {
			return err
		}
		labels := map[string]string{label: ""}
		maps.Copy(labels, rec.Value.Labels)
		rec.Value.Labels = labels
		if _, err := c.Replace(ctx, "t1/a", rec.Revision, rec.Value); !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}

// creators checks that one of many processes creates a document, and that one deletes it.
func creators(t *testing.T, site Site) {
	const processes = 8
	for round := range 3 {
		var group sync.WaitGroup
		made, deleted := make(chan catalog.Revision, processes), make(chan bool, processes)
		for range processes {
			c := site.Open("t1").Templates()
			group.Go(func() {
				rec, err := c.Create(t.Context(), "t1/a", template("a"))
				if err == nil {
					made <- rec.Revision
				} else if !errors.Is(err, catalog.ErrExists) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(made) != 1 {
			t.Fatalf("round %d: %d have created it", round, len(made))
		}
		rev := <-made
		for range processes {
			c := site.Open("t1").Templates()
			group.Go(func() {
				err := c.Delete(t.Context(), "t1/a", rev)
				if err == nil {
					deleted <- true
				} else if !errors.Is(err, catalog.ErrConflict) && !errors.Is(err, catalog.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(deleted) != 1 {
			t.Fatalf("round %d: %d have deleted it", round, len(deleted))
		}
	}
}
