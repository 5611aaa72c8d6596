package pgstore

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Site {
		d := database{pgtest.Database(t), map[string]string{}}
		for _, tenant := range storetest.Tenants {
			d.roles[tenant] = pgtest.Role("nova_" + tenant)
		}
		if _, err := Init(t.Context(), d.dsn(pgtest.Superuser), d.roles); err != nil {
			t.Fatal(err)
		}
		return storetest.Site{Enforced: true, Open: func(tenant string) catalog.Store { return d.store(t, tenant) }}
	})
}
