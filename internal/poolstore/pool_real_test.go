package poolstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// stores opens the pool once per connection, as separate processes would.
func stores(pool string, hosts []*libvirt.Conn) []collection[note] {
	var all []collection[note]
	for _, h := range hosts {
		all = append(all, notes(New(h, pool)))
	}
	return all
}

// increment adds one, and tries again whenever another writer was faster.
func increment(ctx context.Context, c collection[note]) error {
	for {
		rec, err := c.Get(ctx, "t/counter")
		if err != nil {
			return err
		}
		_, err = c.Replace(ctx, "t/counter", rec.Revision, note{Count: rec.Value.Count + 1})
		if !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}

func TestAccEightWritersLoseNoIncrement(t *testing.T) {
	const writers, increments = 8, 25
	pool, dir, hosts := realPool(t, writers)
	all := stores(pool, hosts)
	must.Get[catalog.Record[note]](t)(all[0].Create(t.Context(), "t/counter", note{}))
	group, ctx := errgroup.WithContext(t.Context())
	begun := time.Now()
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
	t.Logf("%d writes by %d writers took %s", writers*increments, writers, time.Since(begun).Round(time.Millisecond))
	got := must.Get[catalog.Record[note]](t)(all[0].Get(t.Context(), "t/counter"))
	if got.Value.Count != writers*increments {
		t.Errorf("counted to %d, want %d", got.Value.Count, writers*increments)
	}
	if left := files(t, dir); len(left) > keep {
		t.Errorf("revisions that are kept: %q, want the last %d", left, keep)
	}
}

func TestAccOneOfManyCreatorsWins(t *testing.T) {
	pool, dir, hosts := realPool(t, 8)
	all := stores(pool, hosts)
	for round := range 5 {
		key := fmt.Sprintf("t/created.%d", round)
		var group errgroup.Group
		outcomes := make([]error, len(all))
		for i, c := range all {
			group.Go(func() error {
				_, outcomes[i] = c.Create(t.Context(), key, note{Count: i})
				return nil
			})
		}
		_ = group.Wait()
		winner := slices.Index(outcomes, nil)
		for i, err := range outcomes {
			if i != winner && !errors.Is(err, catalog.ErrExists) {
				t.Errorf("creator %d got %v, want %v; creator %d has won", i, err, catalog.ErrExists, winner)
			}
		}
		if got := must.Get[catalog.Record[note]](t)(all[0].Get(t.Context(), key)); got.Value.Count != winner {
			t.Errorf("creator %d was told that it won, but the document is that of creator %d", winner, got.Value.Count)
		}
	}
	if left := files(t, dir); len(left) != 5 {
		t.Errorf("in the pool: %q, want one volume a document", left)
	}
}

func TestAccOfADeleteAndAReplaceOneWins(t *testing.T) {
	pool, dir, hosts := realPool(t, 2)
	all := stores(pool, hosts)
	for range 15 {
		made := must.Get[catalog.Record[note]](t)(all[0].Create(t.Context(), "t/a", note{}))
		var deleted, replaced error
		var rec catalog.Record[note]
		var group errgroup.Group
		group.Go(func() error { deleted = all[0].Delete(t.Context(), "t/a", made.Revision); return nil })
		group.Go(func() error {
			rec, replaced = all[1].Replace(t.Context(), "t/a", made.Revision, note{Count: 1})
			return nil
		})
		_ = group.Wait()
		got, err := all[0].Get(t.Context(), "t/a")
		switch {
		case deleted == nil && replaced == nil:
			t.Errorf("both won, and there is %+v, %v", got, err)
		case deleted == nil:
			if !errors.Is(replaced, catalog.ErrNotFound) && !errors.Is(replaced, catalog.ErrConflict) ||
				!errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("deleted; the replace got %v, and there is %+v, %v", replaced, got, err)
			}
		case replaced == nil:
			if !errors.Is(deleted, catalog.ErrConflict) || got != rec {
				t.Errorf("replaced by %+v; the delete got %v, and there is %+v, %v", rec, deleted, got, err)
			}
			if err := all[0].Delete(t.Context(), "t/a", rec.Revision); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("both lost: %v and %v", deleted, replaced)
		}
		if left := files(t, dir); len(left) > 0 {
			t.Fatalf("left after the delete: %q", left)
		}
	}
}

func TestAccForeignFilesDoNoHarm(t *testing.T) {
	pool, dir, hosts := realPool(t, 1)
	s := New(hosts[0], pool)
	for name, content := range map[string]string{
		"nova.note.x.json":               "{}",
		"nova.note.json":                 "",
		"nova.json":                      "",
		"nova..json":                     "x",
		"nova.note.t.a.01.json":          "{}",
		"nova.note.5.json":               "{}\n",
		"nova.note.t.a.99999999999.json": "{}\n",
		"nova.base.abc.qcow2":            "data",
		"...":                            "",
		"disk.qcow2":                     "no qcow2",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := files(t, dir)
	c := notes(s)
	made := must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{Text: "mine"}))
	list := must.Get[[]catalog.Record[note]](t)(c.List(t.Context(), ""))
	if !slices.Equal(list, []catalog.Record[note]{made}) {
		t.Errorf("listed %+v, want the one document %+v", list, made)
	}
	changed := must.Get[catalog.Record[note]](t)(c.Replace(t.Context(), "t/a", made.Revision, note{Text: "changed"}))
	if err := c.Delete(t.Context(), "t/a", changed.Revision); err != nil {
		t.Error(err)
	}
	if left := files(t, dir); !slices.Equal(left, before) {
		t.Errorf("in the pool: %q, want as before %q", left, before)
	}
}

// TestAccATornDocumentIsSkippedAndOvertaken leaves in a real pool what a writer that died leaves.
func TestAccATornDocumentIsSkippedAndOvertaken(t *testing.T) {
	pool, dir, hosts := realPool(t, 2)
	// An impatient writer writes again, under another number, if a write took long.
	first := must.Get[catalog.Record[note]](t)(notes(New(hosts[0], pool)).Create(t.Context(), "t/a", note{Count: 1}))
	s := New(hosts[0], pool)
	s.pool.grace = 3 * time.Second
	c := notes(s)
	if err := os.WriteFile(filepath.Join(dir, "nova.note.t.a.2.json"), claimedFor(nil, 0), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := must.Get[catalog.Record[note]](t)(notes(New(hosts[1], pool)).Get(t.Context(), "t/a")); got != first {
		t.Errorf("read %+v, want %+v", got, first)
	}
	begun := time.Now()
	must.Get[catalog.Record[note]](t)(c.Replace(t.Context(), "t/a", first.Revision, note{Count: 2}))
	if waited := time.Since(begun); waited < s.pool.grace {
		t.Errorf("overtaken after %s, want no less than %s", waited, s.pool.grace)
	}
	if got := must.Get[catalog.Record[note]](t)(c.Get(t.Context(), "t/a")); got.Value.Count != 2 {
		t.Errorf("read %+v", got)
	}
}

func TestAccACancelledWriteIsWholeOrNotThere(t *testing.T) {
	pool, dir, hosts := realPool(t, 1)
	c := notes(New(hosts[0], pool))
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*500*time.Microsecond)
		rec, err := c.Create(ctx, "t/a", note{Count: i})
		cancel()
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("cancelled, got %v", err)
			}
			if left := files(t, dir); len(left) > 0 {
				t.Fatalf("cancelled after %d·0.5 ms, left: %q", i, left)
			}
			continue
		}
		if err := c.Delete(t.Context(), "t/a", rec.Revision); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAccDocumentsAreReadableByTheHypervisorOnly(t *testing.T) {
	pool, dir, hosts := realPool(t, 1)
	must.Get[catalog.Record[note]](t)(notes(New(hosts[0], pool)).Create(t.Context(), "t/a", note{}))
	info, err := os.Stat(filepath.Join(dir, "nova.note.t.a.1.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", info.Mode(), err)
	}
}

// files lists what is in a pool's directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
