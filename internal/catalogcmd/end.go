package catalogcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// The values of --from, --to and --catalog besides a connection string.
const (
	embedded = "embedded"
	postgres = "postgres"

	ends = embedded + ", for documents in the pool; " + postgres + ", for the database of " + envDSN +
		";\nor a connection string, as " +
		"postgres://ROLE:PASSWORD@HOST/DATABASE"
)

// end is a catalog that is the source or the target of documents.
type end struct {
	name   string // in messages
	tenant string // the only tenant to process; "" for all
	store  imagestore.Catalog
	stored storedImages
	lib    *library.Library
	closes []func()
}

func (e *end) Close() {
	for _, c := range e.closes {
		c()
	}
}

// storedImages are the images of a pool, as a backup reads them.
type storedImages interface {
	ChainOf(ctx context.Context, v catalog.Version) ([]catalog.Base, error)
	Blocks(ctx context.Context, base catalog.Base) (*blockmap.Map, error)
	Read(ctx context.Context, base catalog.Base, w io.Writer) error
}

// open opens the catalog that a flag names.
func (s site) open(ctx context.Context, flagName, where string) (*end, error) {
	if where == postgres {
		where = os.Getenv(envDSN)
		if where == "" {
			return nil, usageError{"--" + flagName + " " + postgres + " takes the connection string from " + envDSN +
				", which is not set"}
		}
	}
	if where != embedded && !pgstore.IsDSN(where) {
		return nil, usageError{"--" + flagName + " is missing or names no catalog. It accepts: " +
			strings.ReplaceAll(ends, "\n", " ")}
	}
	if s.tenant != "" {
		if err := naming.ValidateTenant(s.tenant); err != nil {
			return nil, usageError{err.Error()}
		}
	}
	host, err := libvirt.New(libvirt.Options{URI: s.uri, Tenant: s.tenant})
	if err != nil {
		return nil, err
	}
	e := &end{tenant: s.tenant, closes: []func(){func() { host.Close() }}}
	documents := poolstore.New(host, s.pool)
	if where == embedded {
		e.name, e.store = fmt.Sprintf("pool %q on %s", s.pool, host.URI()), documents
	} else if err := e.openPostgres(ctx, where, documents); err != nil {
		e.Close()
		return nil, err
	}
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	images := imagestore.New(imagestore.Options{Host: host, Pool: s.pool, Documents: e.store, Tenant: e.tenant})
	e.stored = images
	e.lib = library.New(library.Options{
		Images: images,
		Store:  e.store, User: who,
	})
	return e, nil
}

func (e *end) openPostgres(ctx context.Context, dsn string, documents imagestore.Documents) error {
	role, err := pgstore.RoleTenant(ctx, dsn)
	if err != nil {
		return err
	}
	if role != "" && e.tenant != "" && role != e.tenant {
		return usageError{fmt.Sprintf("the role is that of tenant %q, and --tenant is %q", role, e.tenant)}
	}
	store, err := pgstore.New(pgstore.Options{
		DSN: dsn, Tenant: role, Bases: documents.Bases(), Snapshots: documents.Snapshots(),
	})
	if err != nil {
		return err
	}
	e.name, e.store, e.tenant = store.String(), store, first(e.tenant, role)
	e.closes = append(e.closes, store.Close)
	return nil
}

// prefix returns the common start of the keys to process.
func (e *end) prefix() string {
	if e.tenant == "" {
		return ""
	}
	return e.tenant + "/"
}

// contents is the documents of a catalog or of a backup.
type contents interface {
	templates(ctx context.Context) ([]catalog.Template, error)
	versions(ctx context.Context, of catalog.TemplateID) ([]catalog.Version, error)
	requests(ctx context.Context) ([]catalog.ProvisioningRequest, error)
	// resourcePools are none if only one tenant is processed: they are the administrator's.
	resourcePools(ctx context.Context) ([]catalog.ResourcePool, error)
	// hosts are the states of hosts, which are the administrator's, too.
	hosts(ctx context.Context) ([]catalog.Host, error)
	// placements are those of instances that no process works on.
	placements(ctx context.Context) ([]catalog.Placement, error)
	// image returns a function that finds the parts of a version's image by digest. It finds nothing
	// if only the pool can have them.
	image(v catalog.Version) func(digest string) (imagestore.Stored, bool)
}

func (e *end) templates(ctx context.Context) ([]catalog.Template, error) {
	return values(e.store.Templates().List(ctx, e.prefix()))
}

// versions leaves out versions that are still being registered.
func (e *end) versions(ctx context.Context, of catalog.TemplateID) ([]catalog.Version, error) {
	all, err := values(e.store.Versions().List(ctx, of.String()+"@"))
	var there []catalog.Version
	for _, v := range all {
		if v.Claim == nil {
			there = append(there, v)
		}
	}
	return there, err
}

func (e *end) requests(ctx context.Context) ([]catalog.ProvisioningRequest, error) {
	return values(e.store.Requests().List(ctx, e.prefix()))
}

func (e *end) resourcePools(ctx context.Context) ([]catalog.ResourcePool, error) {
	if e.tenant != "" {
		return nil, nil
	}
	return sinceAdded(values(e.store.ResourcePools().List(ctx, "")))
}

func (e *end) hosts(ctx context.Context) ([]catalog.Host, error) {
	if e.tenant != "" {
		return nil, nil
	}
	return values(e.store.Hosts().List(ctx, ""))
}

func (e *end) placements(ctx context.Context) ([]catalog.Placement, error) {
	all, err := sinceAdded(values(e.store.Placements().List(ctx, e.prefix())))
	return slices.DeleteFunc(all, func(p catalog.Placement) bool { return p.State != catalog.PlacementPlaced }), err
}

// sinceAdded returns no documents of a kind that a database does not have before it is migrated.
func sinceAdded[T any](all []T, err error) ([]T, error) {
	if errors.Is(err, pgstore.ErrSchema) {
		return nil, nil
	}
	return all, err
}

func (e *end) image(catalog.Version) func(string) (imagestore.Stored, bool) {
	return func(string) (imagestore.Stored, bool) { return imagestore.Stored{}, false }
}

func values[T any](records []catalog.Record[T], err error) ([]T, error) {
	all := make([]T, len(records))
	for i, rec := range records {
		all[i] = rec.Value
	}
	return all, err
}
