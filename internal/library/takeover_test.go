package library

import (
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
)

// A state may have a template that a dead process seemed to have left unreported, at an address
// that has just left the configuration: then the same apply removes it, and creates it at another
// address.
func TestWhatACreateTakesOverIsNotRemovedBesideIt(t *testing.T) {
	dead := leasetest.Dead(t)
	create := func(t *testing.T, l *Library) (catalog.Template, error) {
		return l.CreateTemplate(t.Context(), catalog.Template{ID: web, Type: catalog.TypeVM})
	}
	there := func(t *testing.T, m *memory) (catalog.Template, bool) {
		rec, err := m.templates.Get(t.Context(), web.String())
		return rec.Value, err == nil
	}
	orphaned := func(t *testing.T) (*memory, *Library) {
		m := &memory{}
		l := m.as(t, "shop", "ann")
		must.Get[catalog.Record[catalog.Template]](t)(m.templates.Create(t.Context(), web.String(),
			catalog.Template{ID: web, Type: catalog.TypeVM, Owner: "ann", Maker: dead}))
		return m, l
	}

	t.Run("taken over first", func(t *testing.T) {
		m, l := orphaned(t)
		must.Get[catalog.Template](t)(create(t, l))
		if err := l.DeleteTemplate(t.Context(), web); err != nil {
			t.Fatal(err)
		}
		if found, ok := there(t, m); !ok || found.Maker != lease.This() {
			t.Errorf("the template is there: %t, made by %q", ok, found.Maker)
		}
	})
	t.Run("removed first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m, l := orphaned(t)
			end, kept := l.Removals.Begin(web.String())
			made := make(chan error)
			go func() {
				_, err := create(t, l)
				made <- err
			}()
			synctest.Wait() // until the create waits
			if found, ok := there(t, m); kept || !ok || found.Maker != dead {
				t.Errorf("before it was removed (kept: %t), the template is there: %t, made by %q",
					kept, ok, found.Maker)
			}
			rec := must.Get[catalog.Record[catalog.Template]](t)(m.templates.Get(t.Context(), web.String()))
			if err := m.templates.Delete(t.Context(), rec.Key, rec.Revision); err != nil {
				t.Fatal(err)
			}
			end()
			if err := <-made; err != nil {
				t.Fatal(err)
			}
			if found, ok := there(t, m); !ok || found.Maker != lease.This() {
				t.Errorf("the template is there: %t, made by %q", ok, found.Maker)
			}
		})
	})
	t.Run("taken over by one", func(t *testing.T) {
		_, l := orphaned(t)
		if !l.Removals.Keep("it") || l.Removals.Keep("it") {
			t.Error("two creates have the same")
		}
	})
}
