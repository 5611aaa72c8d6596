package catalogstores

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/pgtest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

// Postgres returns the store that keeps a catalog in PostgreSQL, on the server whose socket is in
// the directory. The measured tenant connects as a role of its own, which row-level security
// restricts. An administrator creates the documents of the other tenants.
func Postgres(directory string) Backend {
	me := templateID(0).Tenant
	role := func(place string) string { return "role_" + place }
	open := func(place, user, tenant string) (*pgstore.Store, error) {
		return pgstore.New(pgstore.Options{DSN: pgtest.DSN(directory, place, user), Tenant: tenant})
	}
	return Backend{
		Name: "postgres",
		Make: func(ctx context.Context) (string, error) {
			place := "catalog_" + strings.ToLower(rand.Text()[:8])
			if err := create(ctx, pgtest.DSN(directory, "postgres", pgtest.Superuser), place); err != nil {
				return "", err
			}
			_, err := pgstore.Init(ctx, pgtest.DSN(directory, place, pgtest.Superuser),
				map[string]string{me: role(place)})
			return place, err
		},
		Open: func(_ context.Context, place string) (catalog.Store, func(), error) {
			tenant, err := open(place, role(place), me)
			if err != nil {
				return nil, nil, err
			}
			administrator, err := open(place, pgtest.Superuser, "")
			if err != nil {
				return nil, nil, err
			}
			return helped{tenant, administrator, me}, func() { tenant.Close(); administrator.Close() }, nil
		},
		Size: func(ctx context.Context, place string) (string, error) {
			store, err := open(place, pgtest.Superuser, "")
			if err != nil {
				return "", err
			}
			defer store.Close()
			templates, err := store.Templates().List(ctx, "")
			return fmt.Sprintf("%d rows", len(templates)*(history+1)), err
		},
	}
}

func create(ctx context.Context, dsn, database string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+database)
	return err
}

// helped is a tenant's store in which an administrator creates the documents of other tenants.
type helped struct {
	*pgstore.Store
	administrator *pgstore.Store
	tenant        string
}

// Tenant returns the tenant whose view the store shows.
func (h helped) Tenant() string { return h.tenant }

// Templates implements catalog.Store.
func (h helped) Templates() catalog.Collection[catalog.Template] {
	return maker[catalog.Template]{h.Store.Templates(), h.administrator.Templates(), h.tenant}
}

// Versions implements catalog.Store.
func (h helped) Versions() catalog.Collection[catalog.Version] {
	return maker[catalog.Version]{h.Store.Versions(), h.administrator.Versions(), h.tenant}
}

type maker[T any] struct {
	catalog.Collection[T]
	administrator catalog.Collection[T]
	tenant        string
}

// Create implements catalog.Collection.
func (m maker[T]) Create(ctx context.Context, key string, value T) (catalog.Record[T], error) {
	if strings.HasPrefix(key, m.tenant+"/") {
		return m.Collection.Create(ctx, key, value)
	}
	return m.administrator.Create(ctx, key, value)
}
