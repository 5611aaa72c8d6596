package pgstore

import (
	"os"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// database is a database with a catalog of two tenants.
type database struct {
	dsn   func(role string) string
	roles map[string]string // by tenant
}

func newDatabase(t testing.TB) database {
	t.Helper()
	d := database{pgtest.Database(t), map[string]string{"t1": pgtest.Role("nova_t1"), "t2": pgtest.Role("nova_t2")}}
	if _, err := Init(t.Context(), d.dsn(pgtest.Superuser), d.roles); err != nil {
		t.Fatal(err)
	}
	return d
}

// store returns the store of a tenant's process; "" is the administrator.
func (d database) store(t testing.TB, tenant string) *Store {
	t.Helper()
	role := d.roles[tenant]
	if tenant == "" {
		role = pgtest.Superuser
	}
	s, err := New(Options{DSN: d.dsn(role), Tenant: tenant, Bases: noBases{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func template(tenant, name string) catalog.Template {
	return catalog.Template{ID: catalog.TemplateID{Tenant: tenant, Name: name}, Type: catalog.TypeVM}
}

// noBases is for tests without images.
type noBases struct {
	catalog.Collection[catalog.Base]
}
