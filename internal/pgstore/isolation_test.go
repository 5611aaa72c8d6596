package pgstore

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A database may be set to isolate transactions more strictly. Then the server ends some concurrent
// transactions and asks for them to be repeated.
func TestStricterIsolationLosesNothing(t *testing.T) {
	for _, level := range []string{"repeatable read", "serializable"} {
		d := newDatabase(t)
		pgtest.Exec(t, d.dsn(pgtest.Superuser), `ALTER ROLE `+d.roles["t1"]+` SET default_transaction_isolation = '`+
			level+`'`)
		must.Value(d.store(t, "t1").Templates().Create(t.Context(), "t1/a", template("t1", "a")))
		const writers, each = 8, 10
		var group sync.WaitGroup
		for range writers {
			s := d.store(t, "t1")
			group.Go(func() {
				for range each {
					if err := addOne(t, s); err != nil {
						t.Errorf("%s: %v", level, err)
						return
					}
				}
			})
		}
		group.Wait()
		rec := must.Value(d.store(t, "t1").Templates().Get(t.Context(), "t1/a"))
		if want := fmt.Sprint(writers * each); rec.Value.Labels["count"] != want {
			t.Errorf("%s: counted to %s, want %s", level, rec.Value.Labels["count"], want)
		}
	}
}

// addOne adds one to a template's label, and repeats that whenever another writer is faster.
func addOne(t *testing.T, s *Store) error {
	for {
		rec, err := s.Templates().Get(t.Context(), "t1/a")
		if err != nil {
			return err
		}
		n := 0
		_, _ = fmt.Sscan(rec.Value.Labels["count"], &n)
		rec.Value.Labels = map[string]string{"count": fmt.Sprint(n + 1)}
		if _, err = s.Templates().Replace(
			t.Context(), rec.Key, rec.Revision, rec.Value,
		); !errors.Is(err, catalog.ErrConflict) {
			return err
		}
	}
}

// A change that the server cancels has not happened, and its error says what may be in the way.
func TestAStatementThatTookTooLongSaysWhy(t *testing.T) {
	d := newDatabase(t)
	rec := must.Value(d.store(t, "t1").Templates().Create(t.Context(), "t1/a", template("t1", "a")))
	tx := must.Value(d.psql(t, "t1").Begin(t.Context()))
	must.Value(tx.Exec(t.Context(), `SELECT 1 FROM novacron.template FOR UPDATE`))
	// The timeout applies to connections from now on, and is long enough for every other statement on
	// a busy machine.
	pgtest.Exec(t, d.dsn(pgtest.Superuser), `ALTER ROLE `+d.roles["t1"]+` SET statement_timeout = '2s'`)
	_, err := d.store(t, "t1").Templates().Replace(t.Context(), rec.Key, rec.Revision, rec.Value)
	if err == nil || !strings.Contains(err.Error(), "changed nothing") ||
		!strings.Contains(err.Error(), "statement_timeout") {
		t.Errorf("%v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	// the query below may take any time
	pgtest.Exec(t, d.dsn(pgtest.Superuser), `ALTER ROLE `+d.roles["t1"]+` RESET statement_timeout`)
	if now := must.Value(d.store(t, "t1").Templates().Get(t.Context(), "t1/a")); now.Revision != rec.Revision {
		t.Error("it was changed")
	}
}
