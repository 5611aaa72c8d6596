package poolstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// TestAccManyWritersOfOneShelfLoseNothing runs several processes with several goroutines each,
// which create, change and delete their own records in one document.
func TestAccManyWritersOfOneShelfLoseNothing(t *testing.T) {
	const processes, goroutines, rounds = 8, 4, 3
	pool, dir, hosts := realPool(t, processes)
	begun := time.Now()
	group, ctx := errgroup.WithContext(t.Context())
	for p, host := range hosts {
		c := shelves(New(host, pool))
		for g := range goroutines {
			group.Go(func() error { return workOn(ctx, c, fmt.Sprintf("t/record.%d.%d", p, g), rounds) })
		}
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d changes by %d processes took %s", processes*goroutines*(3*rounds-1), processes,
		time.Since(begun).Round(time.Millisecond))
	c := shelves(New(hosts[0], pool))
	records := must.Get[[]catalog.Record[note]](t)(c.List(t.Context(), "t/"))
	if len(records) != processes*goroutines {
		t.Errorf("%d records are left, want %d", len(records), processes*goroutines)
	}
	for _, rec := range records {
		if rec.Value.Count != rounds {
			t.Errorf("record %s is at round %d, want %d", rec.Key, rec.Value.Count, rounds)
		}
	}
	if left := files(t, dir); len(left) > keep {
		t.Errorf("volumes: %q, want no more than %d", left, keep)
	}

	deleters, ctx := errgroup.WithContext(t.Context())
	for i, rec := range records {
		c := shelves(New(hosts[i%processes], pool))
		deleters.Go(func() error { return c.Delete(ctx, rec.Key, rec.Revision) })
	}
	if err := deleters.Wait(); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("all records are deleted, and there is %q", left)
	}
}

// workOn creates a record, changes it, deletes it, and so on. It leaves the record of the last
// round.
func workOn(ctx context.Context, c collection[note], key string, rounds int) error {
	for round := 1; ; round++ {
		rec, err := c.Create(ctx, key, note{Count: round - 1})
		if err == nil {
			rec, err = c.Replace(ctx, key, rec.Revision, note{Count: round})
		}
		if err == nil && round < rounds {
			err = c.Delete(ctx, key, rec.Revision)
		}
		if err != nil || round == rounds {
			return err
		}
	}
}

// TestAccTheLastDeleteOfAShelfLosesNoCreate: the delete of the last record removes the document,
// just when another process adds a record.
func TestAccTheLastDeleteOfAShelfLosesNoCreate(t *testing.T) {
	pool, dir, hosts := realPool(t, 2)
	a, b := shelves(New(hosts[0], pool)), shelves(New(hosts[1], pool))
	for round := range 10 {
		last := must.Get[catalog.Record[note]](t)(a.Create(t.Context(), "t/last", note{}))
		var made catalog.Record[note]
		group, ctx := errgroup.WithContext(t.Context())
		group.Go(func() error { return a.Delete(ctx, last.Key, last.Revision) })
		group.Go(func() (err error) {
			made, err = b.Create(ctx, "t/first", note{Count: round})
			return err
		})
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		got := must.Get[[]catalog.Record[note]](t)(a.List(t.Context(), ""))
		if !slices.Equal(got, []catalog.Record[note]{made}) {
			t.Fatalf("there is %+v, want %+v", got, made)
		}
		if err := b.Delete(t.Context(), made.Key, made.Revision); err != nil {
			t.Fatal(err)
		}
		if left := files(t, dir); len(left) > 0 {
			t.Fatalf("left after both deletes: %q", left)
		}
	}
}

// TestAccAFullPoolLetsRecordsGo: a delete frees room, so it must work when there is none.
func TestAccAFullPoolLetsRecordsGo(t *testing.T) {
	pool, dir, hosts := realPool(t, 1)
	host := acctest.RequireHost(t)
	inside := filepath.Join("/var/lib/libvirt", pool)
	_ = dir
	host.Exec(t, "mkdir", "-p", inside)
	host.Exec(t, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", inside)
	t.Cleanup(func() { host.Exec(t, "umount", "--lazy", inside) })
	tight := pool + "-tight"
	if _, err := hosts[0].CreateDirPool(t.Context(), tight, inside); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		host.Virsh(t, "pool-destroy", tight)
		host.Virsh(t, "pool-undefine", tight)
	})
	c := shelves(New(hosts[0], tight))
	var records []catalog.Record[note]
	for i := range 3 {
		records = append(records, must.Get[catalog.Record[note]](t)(c.Create(t.Context(), fmt.Sprintf("t/%d", i),
			note{Text: strings.Repeat("x", i)})))
	}
	host.Exec(t, "sh", "-c", "dd if=/dev/zero of="+inside+"/filler bs=4k 2>/dev/null || true")
	if _, err := shelves(New(hosts[0], tight)).Create(t.Context(), "u/a", note{}); err == nil {
		t.Fatal("the pool has room: it is not full")
	}
	for _, rec := range records {
		marked, err := c.Replace(t.Context(), rec.Key, rec.Revision, note{Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), rec.Key, marked.Revision); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), rec.Key); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("deleted, it reads as %v", err)
		}
	}
	if left := host.Exec(t, "ls", inside); strings.TrimSpace(left) != "filler" {
		t.Errorf("left after the deletes: %q", left)
	}
}
