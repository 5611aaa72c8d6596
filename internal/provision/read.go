package provision

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

var (
	// ErrNotFound reports that the host has no such instance.
	ErrNotFound = errors.New("no such instance")
	// ErrForeign reports that a domain is not an instance.
	ErrForeign = errors.New("not made by novacron")
	// ErrNoAnswer reports that the host did not answer in time.
	ErrNoAnswer = host.ErrNoAnswer
	// ErrUnreachable reports that the host could not be asked.
	ErrUnreachable = host.ErrUnreachable
)

// Undriven reports whether the host cannot use the driver that may have an instance. If the state says that
// the instance is of that driver, ErrNotFound is no proof that it is gone.
func Undriven(err error) bool { return host.Driverless(err) }

// Reader reads instances.
type Reader struct {
	kinds    kinds
	tenant   string
	uri      string
	statuses *coalesce.Answers[string, map[string]host.Status] // of all domains of a type by UUID
}

func newReader(all kinds, s kind.Site) *Reader {
	return &Reader{
		kinds:    all,
		tenant:   s.Tenant,
		uri:      s.Host.URI(),
		statuses: coalesce.NewAnswers[string, map[string]host.Status](statusAge),
	}
}

// forget makes the next Refresh ask the host again, because something was changed.
func (r *Reader) forget() { r.statuses.Forget() }

// Read reads an instance by its UUID. It returns ErrNotFound only if the host itself says that
// there is none.
func (r *Reader) Read(ctx context.Context, uuid string) (kind.Instance, error) {
	driver, domain, err := r.kinds.byUUID(ctx, uuid)
	return r.instance(ctx, driver, domain, err)
}

// Find reads an instance by its tenant and name. It may return ErrNotFound.
func (r *Reader) Find(ctx context.Context, tenant, name string) (kind.Instance, error) {
	driver, domain, err := r.kinds.named(ctx, naming.Domain(tenant, name))
	return r.instance(ctx, driver, domain, err)
}

// uuidForm is a UUID as libvirt writes it (RFC 9562).
var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Lookup reads an instance of the library's tenant by its UUID, by "tenant/name", or by its name.
// It returns ErrNotFound for instances of other tenants, too.
func (r *Reader) Lookup(ctx context.Context, ref string) (kind.Instance, error) {
	tenant, name, qualified := strings.Cut(ref, "/")
	if !qualified {
		tenant, name = r.tenant, ref
		if uuidForm.MatchString(ref) { // a name may look like a UUID, too
			i, err := r.Read(ctx, ref)
			if err == nil && i.Facts.Tenant != tenant {
				err = fmt.Errorf("%w: of tenant %q", ErrNotFound, tenant)
			}
			if !errors.Is(err, ErrNotFound) {
				return i, err
			}
		}
	}
	if tenant != r.tenant {
		return kind.Instance{}, fmt.Errorf("%w: of tenant %q", ErrNotFound, r.tenant)
	}
	return r.Find(ctx, tenant, name)
}

// Own reads an instance of the library's tenant by its UUID. It returns ErrNotFound for instances
// of other tenants, too.
func (r *Reader) Own(ctx context.Context, uuid string) (kind.Instance, error) {
	if !uuidForm.MatchString(uuid) {
		return kind.Instance{}, ErrNotFound
	}
	i, err := r.Read(ctx, uuid)
	if err == nil && i.Facts.Tenant != r.tenant {
		return kind.Instance{}, ErrNotFound
	}
	return i, err
}

// Refresh is Read for one of many instances: it asks the host for the state of all its domains at
// once.
func (r *Reader) Refresh(ctx context.Context, uuid string) (kind.Instance, error) {
	for _, driver := range r.kinds {
		all, err := r.statuses.Get(ctx, driver.Type(), func() (map[string]host.Status, error) {
			return driver.Domains().Statuses(ctx)
		})
		if err != nil {
			return kind.Instance{}, host.GaveUp("listing", "domains", err)
		}
		if status, known := all[uuid]; known {
			domain, err := driver.Domains().DomainWith(ctx, uuid, status)
			return r.instance(ctx, driver, domain, err)
		}
	}
	return r.Read(ctx, uuid)
}

// instance is the instance of a domain, with its addresses.
func (r *Reader) instance(ctx context.Context, driver kind.Driver, d host.Domain, err error) (kind.Instance, error) {
	if errors.Is(err, host.ErrNoDomain) {
		return kind.Instance{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if err != nil {
		return kind.Instance{}, err
	}
	if d.Metadata == "" {
		return kind.Instance{}, fmt.Errorf("domain %q on %s was %w: it has no metadata of the namespace %s",
			d.Name, r.uri, ErrForeign, naming.InstanceNamespace)
	}
	facts, err := r.factsOf(d)
	if err != nil {
		return kind.Instance{}, err
	}
	i, err := driver.Read(ctx, d, facts)
	if err == nil {
		err = driver.Look(ctx, &i, nil)
	}
	return i, err
}

// factsOf reads the metadata of a domain. It returns catalog.ErrDamaged if they cannot be read:
// damaged metadata never count as none.
func (r *Reader) factsOf(d host.Domain) (metadata.Facts, error) {
	facts, err := metadata.Parse(d.Metadata)
	if err != nil {
		err = fmt.Errorf("domain %q on %s: %w. Nothing was changed. Correct them with `virsh edit %[1]s`, "+
			"or remove the domain by hand",
			d.Name, r.uri, err)
	}
	return facts, err
}

// statusAge is how old the known status of all domains may be when one of them is read. It is long
// enough for a refresh of a thousand instances on many hosts to ask each host once: Terraform reads the
// few that a host has at different times. A process serves one command, and forgets the answer when it
// changes something.
const statusAge = 30 * time.Second
