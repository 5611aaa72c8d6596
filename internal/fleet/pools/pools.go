// Package pools is the resource pools of a catalog as their administrator manages them. Tenants use them
// by package fleet.
package pools

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// ErrTenant says that the configuration has no connection by which resource pools can be managed.
var ErrTenant = errors.New("resource pools belong to the administrator of the catalog, and the provider connects " +
	"with the role of a tenant alone: set admin_dsn beside its dsn, to a connection as the owner of the schema " +
	"novacron, or leave the pools to a configuration that has one")

// shown is how many instances an error names.
const shown = 5

// Administration manages the resource pools of a catalog.
type Administration struct {
	library.Administered[catalog.ResourcePool]
	placements catalog.Collection[catalog.Placement]
}

// Over returns the administration of a catalog, which has to be the administrator's: it shows the
// placements of all tenants. nil is for a user who is none; then everything fails with ErrTenant.
func Over(store catalog.Store, l *library.Library) *Administration {
	of := library.Administered[catalog.ResourcePool]{Library: l, Denied: ErrTenant}
	if store == nil {
		return &Administration{Administered: of}
	}
	of.Documents = store.ResourcePools()
	return &Administration{of, store.Placements()}
}

// CheckNew returns an error if a pool of that name cannot be created: a planning.TakenError if there is
// one, which may be removed before the plan is applied.
func (a *Administration) CheckNew(ctx context.Context, name string) error {
	return a.Vacant(ctx, name, taken(name))
}

func taken(name string) error {
	return planning.Taken(finding.List{{Path: finding.At("name"), Summary: "Resource pool already exists",
		Detail: fmt.Sprintf("The catalog has a resource pool %q already. Choose another name, or import the pool with "+
			"`terraform import ADDRESS %s`.", name, name)}})
}

// Create creates a pool. What is wrong with it is returned as findings.
func (a *Administration) Create(ctx context.Context, r catalog.ResourcePool) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	if err := r.Validate().Err(); err != nil {
		return err
	}
	_, err := a.Documents.Create(ctx, r.Name, r)
	if errors.Is(err, catalog.ErrExists) {
		return taken(r.Name)
	}
	return err
}

// Update changes a pool to what it is given. A quota may be less than what its tenant takes.
func (a *Administration) Update(ctx context.Context, r catalog.ResourcePool) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	if err := r.Validate().Err(); err != nil {
		return err
	}
	_, err := catalog.Change(ctx, a.Documents, r.Name, func(to *catalog.ResourcePool) error {
		*to = r
		return nil
	})
	return err
}

// Delete removes a pool that no placement counts against. It returns findings otherwise, and nothing if
// there is no such pool.
func (a *Administration) Delete(ctx context.Context, name string) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	rec, err := a.Documents.Get(ctx, name)
	if err != nil {
		return catalog.IgnoreNotFound(err)
	}
	use, err := catalog.UseOf(ctx, a.placements, name, shown)
	if err != nil {
		return err
	}
	if use.Instances() > 0 {
		return finding.List{{Path: finding.At("name"), Summary: "Resource pool is in use", Detail: fmt.Sprintf(
			"The catalog has %s of resource pool %q: %s. Destroy them, or give them another resource_pool first.",
			instances(use.Instances()), name, some(use))}}
	}
	return catalog.IgnoreNotFound(a.Documents.Delete(ctx, rec.Key, rec.Revision))
}

// some names a few placements.
func some(use catalog.PoolUse) string {
	text := strings.Join(use.First, ", ")
	if more := use.Instances() - int64(len(use.First)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Exceeded reports, at the tenants, what is taken of a pool beyond its quotas. Nothing is added until
// it is less, and nothing that is there is taken away.
func (a *Administration) Exceeded(ctx context.Context, r catalog.ResourcePool) (finding.List, error) {
	if err := a.Open(ctx); err != nil {
		return nil, err
	}
	use, err := catalog.UseOf(ctx, a.placements, r.Name, 0)
	if err != nil {
		return nil, err
	}
	used := use.Tenants
	var fs finding.List
	for _, tenant := range naming.SortedNames(used) {
		quota, named := r.Tenants[tenant]
		if !named {
			fs = append(fs, finding.Finding{
				Path: finding.At("tenants"), Summary: "Tenant has instances in the resource pool",
				Detail: fmt.Sprintf("Tenant %q has %s in resource pool %q. What is there stays, and can shrink. "+
					"The tenant can neither let it grow nor create more there.",
					tenant, instances(used[tenant].Instances), r.Name),
			})
			continue
		}
		var over []string
		for _, e := range quota.Exceeded(used[tenant]) {
			over = append(over, e.String())
		}
		if len(over) > 0 {
			fs = append(fs, finding.Finding{
				Path: finding.At("tenants").Key(tenant), Summary: "Quota below what is used",
				Detail: fmt.Sprintf("Tenant %q takes %s of resource pool %q. What it has stays. It gets nothing more "+
					"until it takes less than its quota.", tenant, strings.Join(over, ", "), r.Name),
			})
		}
	}
	return fs, nil
}

func instances(n int64) string {
	if n == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", n)
}
