// Package hosts is what the administrator of a catalog says of the provider's hosts: whether they take
// instances, have to be emptied, or are lost. Package fleet goes by it.
package hosts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
)

// ErrTenant says that the configuration has no connection by which the states of hosts can be changed.
var ErrTenant = errors.New("the states of hosts belong to the administrator of the catalog, and the provider " +
	"connects with the role of a tenant alone: set admin_dsn beside its dsn, to a connection as the owner of the " +
	"schema novacron, or leave the hosts to a configuration that has one")

// Administration manages the states of hosts.
type Administration struct {
	library.Administered[catalog.Host]
	placements catalog.Collection[catalog.Placement]
	fleet      *fleet.Fleet
}

// Over returns the administration of a catalog, which has to be the administrator's: it shows the
// placements of all tenants. nil is for a user who is none; then everything fails with ErrTenant.
func Over(store catalog.Store, f *fleet.Fleet, l *library.Library) *Administration {
	of := library.Administered[catalog.Host]{Library: l, Denied: ErrTenant}
	if store == nil {
		return &Administration{Administered: of}
	}
	of.Documents = store.Hosts()
	return &Administration{of, store.Placements(), f}
}

// CheckNew returns an error if nothing can be said of a host for the first time: findings if the provider
// does not have it, and a planning.TakenError if something is said already, which may be removed before the
// plan is applied.
func (a *Administration) CheckNew(ctx context.Context, name string) error {
	if err := a.Allowed(); err != nil {
		return err
	}
	if err := a.configured(name).Err(); err != nil {
		return err
	}
	return a.Vacant(ctx, name, taken(name))
}

// configured reports that the provider does not have a host.
func (a *Administration) configured(name string) (fs finding.List) {
	if _, there := a.fleet.Member(name); !there {
		fs.Add(finding.At("name"), "Unknown host", fmt.Sprintf("The provider has no host %q. Its hosts are: %s.", name,
			strings.Join(a.fleet.Names(), ", ")))
	}
	return fs
}

func taken(name string) error {
	return planning.Taken(finding.List{{Path: finding.At("name"), Summary: "Host has a state already",
		Detail: fmt.Sprintf("The catalog has a state of host %q already, which another resource has. Change that one, "+
			"or import the state with `terraform import ADDRESS %s`.", name, name)}})
}

// Create says something of a host for the first time. What is wrong with it is returned as findings.
func (a *Administration) Create(ctx context.Context, h catalog.Host) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	if err := append(h.Validate(), a.configured(h.Name)...).Err(); err != nil {
		return err
	}
	if err := a.Check(ctx, catalog.Host{Name: h.Name}, h); err != nil {
		return err
	}
	defer a.fleet.Changes(catalog.Host{Name: h.Name})
	_, err := a.Documents.Create(ctx, h.Name, h)
	if errors.Is(err, catalog.ErrExists) {
		return taken(h.Name)
	}
	return err
}

// Update says something else of a host.
func (a *Administration) Update(ctx context.Context, h catalog.Host) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	if err := h.Validate().Err(); err != nil {
		return err
	}
	was := catalog.Host{Name: h.Name}
	_, err := catalog.Change(ctx, a.Documents, h.Name, func(to *catalog.Host) error {
		if err := a.Check(ctx, *to, h); err != nil {
			return err
		}
		was, *to = *to, h
		return nil
	})
	a.fleet.Changes(was)
	return err
}

// Delete says nothing of a host any more, so that it is active.
func (a *Administration) Delete(ctx context.Context, name string) error {
	if err := a.Open(ctx); err != nil {
		return err
	}
	rec, err := a.Documents.Get(ctx, name)
	if err != nil {
		return catalog.IgnoreNotFound(err)
	}
	if err := a.CheckDelete(ctx, rec.Value); err != nil {
		return err
	}
	defer a.fleet.Changes(rec.Value)
	return catalog.IgnoreNotFound(a.Documents.Delete(ctx, rec.Key, rec.Revision))
}
