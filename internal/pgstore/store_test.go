package pgstore

import (
	"reflect"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
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
		return storetest.Site{Enforced: true, Open: func(tenant string) catalog.Store {
			return d.store(t, tenant)
		}, Damage: func(key string) {
			pgtest.Exec(t, d.dsn(pgtest.Superuser),
				`UPDATE novacron.template SET document = document || '{"labels": 5}' WHERE key = '`+key+`'`)
		}}
	})
}

func TestHeadsAreAllButTheSpecs(t *testing.T) {
	d := newDatabase(t)
	d.populate(t)
	s := d.store(t, "t2")
	own := template("t2", "own")
	own.Spec.Parameters = map[string]parameter.Parameter{"port": {Type: "integer"}}
	must.Value(s.Templates().Create(t.Context(), "t2/own", own))
	want := must.Value(s.Templates().List(t.Context(), ""))
	for i := range want {
		want[i].Value.Spec = catalog.Spec{}
	}
	if got := must.Value(s.TemplateHeads(t.Context(), "")); !reflect.DeepEqual(got, want) || len(got) != len(shown)+1 {
		t.Errorf("the heads are %+v, want %+v", got, want)
	}
}
