package poolstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// goldPool is a pool in memory with the resource pool gold, in which t1 may have that many instances.
func goldPool(t *testing.T, instances int64) *memory {
	t.Helper()
	m := newMemory()
	must.Value(m.store().ResourcePools().Create(t.Context(), "gold", catalog.ResourcePool{
		Name: "gold", Hosts: []string{"kvm1"}, Tenants: map[string]catalog.Quota{"t1": {Instances: &instances}},
	}))
	return m
}

func place(ctx context.Context, s *Store, name string) error {
	p := catalog.Placement{Tenant: "t1", Name: name, Host: "kvm1", Pool: "gold"}
	_, err := s.Placements().Create(ctx, p.Key(), p)
	return err
}

// A writer that loses the claim is judged again, by the revision that has won.
func TestAQuotaIsJudgedByTheRevisionThatAWriteBuildsOn(t *testing.T) {
	m := goldPool(t, 1)
	var once sync.Once
	late := New(process{memory: m, before: func(call, name string) error {
		if call == "create" && strings.HasPrefix(name, naming.DocumentStem("placement", "t1")) {
			once.Do(func() {
				if err := place(t.Context(), m.store(), "first"); err != nil {
					t.Error(err)
				}
			})
		}
		return nil
	}}, "pool")
	err := place(t.Context(), late, "second")
	if e, over := errors.AsType[*catalog.QuotaError](err); !over || e.Used != 1 || e.Limit != 1 {
		t.Errorf("the writer that came second: %v", err)
	}
	all := must.Value(m.store().Placements().List(t.Context(), ""))
	if len(all) != 1 || all[0].Key != "t1/first" {
		t.Errorf("there is %+v", all)
	}
}

// Placements that one process makes together are one write, also if the quota has room for some alone.
func TestPlacementsThatAreMadeTogetherAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const asked, room = 40, 25
		m := goldPool(t, room)
		writes, began, proceed := 0, make(chan bool), make(chan bool)
		s := New(process{memory: m, before: func(call, _ string) error {
			if call != "write" {
				return nil
			}
			if writes++; writes == 1 { // the others gather meanwhile
				close(began)
				<-proceed
			}
			return nil
		}}, "pool")
		var group sync.WaitGroup
		refused := make(chan error, asked)
		group.Go(func() {
			if err := place(t.Context(), s, "first"); err != nil {
				t.Error(err)
			}
		})
		<-began
		for i := range asked {
			group.Go(func() {
				if err := place(t.Context(), s, fmt.Sprint("i", i)); err != nil {
					refused <- err
				}
			})
		}
		synctest.Wait() // until all wait for the first write
		close(proceed)
		group.Wait()
		close(refused)
		over := 0
		for err := range refused {
			if _, is := errors.AsType[*catalog.QuotaError](err); !is {
				t.Error(err)
			}
			over++
		}
		all := must.Value(m.store().Placements().List(t.Context(), "t1/"))
		if len(all) != room || over != asked+1-room || writes != 2 {
			t.Errorf("%d of %d are placed and %d refused, by %d writes", len(all), room, over, writes)
		}
	})
}

// A resource pool that cannot be read admits nothing, also if an older revision of it would.
func TestADamagedResourcePoolAdmitsNothing(t *testing.T) {
	m := goldPool(t, 10)
	s := m.store()
	rec := must.Value(s.ResourcePools().Get(t.Context(), "gold"))
	one := int64(1)
	rec.Value.Tenants["t1"] = catalog.Quota{Instances: &one}
	must.Value(s.ResourcePools().Replace(t.Context(), rec.Key, rec.Revision, rec.Value))
	m.volumes[naming.Document(naming.DocumentStem("resource-pool", "gold"), 2)][50] ^= 1
	ctx := catalog.WithStandIns(t.Context(), &catalog.StandIns{})
	quick := m.store()
	quick.pool.grace = freeSoon
	if err := place(ctx, quick, "a"); !errors.Is(err, catalog.ErrDamaged) {
		t.Errorf("placed: %v", err)
	}
	p := catalog.Placement{Tenant: "t1", Name: "free", Host: "kvm1"}
	if _, err := quick.Placements().Create(ctx, p.Key(), p); err != nil {
		t.Errorf("placing an instance in no resource pool: %v", err)
	}
}
