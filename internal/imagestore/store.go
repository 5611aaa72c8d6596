package imagestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Documents are what a catalog has of images and of the versions that use them.
type Documents interface {
	// Now is the time by the clock of what keeps the catalog; see catalog.Store.
	Now(ctx context.Context) (time.Time, error)
	// Versions are those of the catalog, by their ids. Those of other tenants may be hidden.
	Versions() catalog.Collection[catalog.Version]
	// Bases are the images of the pool, by catalog.BaseKey. Their users are ids of the catalog's versions; other catalogs'
	// versions are no ids here.
	Bases() catalog.Collection[catalog.Base]
}

// Options say where images are, and who may be told of what.
type Options struct {
	Host      host.Host
	Pool      string
	Documents Documents
	Tenant    string // whose names errors may tell

	AbandonedAfter time.Duration // 0 for the usual time; see abandonedAfter
	UnusedFor      time.Duration // 0 for the usual time; see unusedFor
}

// ImageStore has the images of one pool of a host.
type Store struct {
	host    host.Host
	pool    string
	catalog Documents
	bases   catalog.Collection[catalog.Base]
	tenant  string
	usage   *usage.Usage

	abandonedAfter time.Duration
	unusedFor      time.Duration
	poolTime       func(ctx context.Context) (time.Time, error) // by which the pool's bases are judged
	lookAgain      func(ctx context.Context) error              // at the pool: it shows what other hosts have written by now

	mu     sync.Mutex
	opened bool
}

// NewStore makes a store. Nothing is connected before it is used.
func New(o Options) *Store {
	return &Store{
		host: o.Host, pool: o.Pool, catalog: o.Documents, bases: o.Documents.Bases(), tenant: o.Tenant,
		usage:          usage.New(o.Host, o.Pool, o.Tenant),
		abandonedAfter: cmp.Or(o.AbandonedAfter, abandonedAfter), unusedFor: cmp.Or(o.UnusedFor, unusedFor),
		poolTime:  func(ctx context.Context) (time.Time, error) { return o.Host.Time(ctx, o.Pool) },
		lookAgain: func(ctx context.Context) error { return o.Host.RefreshPool(ctx, o.Pool) },
	}
}

// Usage looks for what uses the pool's images.
func (st *Store) Usage() *usage.Usage { return st.usage }

// String names the pool and its host.
func (st *Store) String() string { return fmt.Sprintf("pool %q on %s", st.pool, st.host.URI()) }

// Pool is the name of the pool.
func (st *Store) Pool() string { return st.pool }

// versionsOn names the versions that use a base, but for those of other tenants and catalogues, which it counts.
func (st *Store) versionsOn(b catalog.Base) []string {
	own := slices.DeleteFunc(slices.Clone(b.Versions), func(id string) bool { return !strings.HasPrefix(id, st.tenant+"/") })
	if others := len(b.Versions) - len(own); others > 0 {
		own = append(own, fmt.Sprintf("%d of other tenants or catalogs", others))
	}
	return own
}

// LetGo takes a version that was not registered off a base's users, unless somebody else registered it with that base.
func (st *Store) LetGo(ctx context.Context, digest string, id catalog.VersionID) error {
	rec, err := st.catalog.Versions().Get(ctx, id.String())
	if err == nil && rec.Value.Digest == digest { // a version that is coming has none yet
		return nil
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	return st.Release(ctx, digest, id)
}

// Holds makes sure that a version's base is still there to stand on, and nobody is about to remove it. It is asked once the
// volume is there that stands on the base. The mark on a version expires; that on a base does not, and who sets it looks for such
// volumes afterwards. Another host that has the pool may have set it since the pool was looked at last, so it is looked at again.
func (st *Store) Holds(ctx context.Context, id catalog.VersionID, base catalog.Base) error {
	if err := st.lookAgain(ctx); err != nil {
		return err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(base.Digest))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && (rec.Value.State != catalog.BaseReady || rec.Value.Volume != base.Volume) {
		return BeingRemoved(id)
	}
	return err
}

func BeingRemoved(id catalog.VersionID) error {
	return fmt.Errorf("version %q is being removed by another process just now: choose another version", id)
}

// ErrNoImage says that a version is there, but its image is not.
var ErrNoImage = errors.New("its image is not in the pool any more")

// StorageLocation is where the version's base image is: the volume's path. ErrNoImage when somebody removed it.
func (st *Store) Location(ctx context.Context, v catalog.Version) (string, error) {
	base, err := st.Base(ctx, v.Digest)
	var volume host.Volume
	if err == nil {
		volume, err = st.host.Volume(ctx, st.pool, base.Volume)
	}
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, host.ErrNoVolume) {
		// Not wrapped: the version itself has been found.
		return "", fmt.Errorf("version %q: %w (%v)", v.ID, ErrNoImage, err) //nolint:errorlint // see above
	}
	return volume.Path, err
}

// Base reads the base image of a digest; catalog.ErrNotFound where it is not complete.
func (st *Store) Base(ctx context.Context, digest string) (catalog.Base, error) {
	if err := st.Open(ctx); err != nil {
		return catalog.Base{}, err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(digest))
	if err == nil && rec.Value.State != catalog.BaseReady {
		err = fmt.Errorf("base image %s is %s: %w", digest, rec.Value.State, catalog.ErrNotFound)
	}
	return rec.Value, err
}

// NoImage is the finding for a version that nothing can be made of, because the pool does not have its image.
func (st *Store) NoImage(v catalog.Version) finding.List {
	return finding.List{{Path: finding.At("version"), Summary: "Image not found in this pool", Detail: fmt.Sprintf("Version "+
		"%q is in the catalog, but its image is not in the pool %q on %s. An image is in the pool that its version was "+
		"registered with: use that pool, or choose a version that was registered with this "+
		"one.", v.ID, st.pool, st.host.URI())}}
}

// PoolUUID is the UUID of the library's pool; host.ErrNoPool. It makes no request where the pool was used before.
func (st *Store) PoolUUID(ctx context.Context) (string, error) {
	return st.host.PoolUUID(ctx, st.pool)
}

// InUseError says that a version cannot go because something hangs on its base image.
type InUseError struct {
	Version catalog.VersionID
	Users   []string // linked clones: "tenant/name" of the tenant's own instances, or names of volumes that are nobody's
	Others  int      // how many linked clones of other tenants there are beside
	Built   []string // ids of the tenant's own versions that hold only what differs from it
	BuiltBy int      // how many such versions other tenants have beside
}

// any tells whether something does.
func (e *InUseError) InUse() bool { return len(e.Users)+e.Others+len(e.Built)+e.BuiltBy > 0 }

func (e *InUseError) Error() string {
	var reasons []string
	if len(e.Built)+e.BuiltBy > 0 {
		reasons = append(reasons, fmt.Sprintf("these versions have its image for their parent_version, and hold only what differs from it: %s. "+
			"Destroy them first", naming.AndOthers(e.Built, e.BuiltBy)))
	}
	if len(e.Users)+e.Others > 0 {
		reasons = append(reasons, fmt.Sprintf("these linked clones need its base image: %s. Destroy them first, "+
			"or replace them by another version or by full clones (strategy = \"clone\")", naming.AndOthers(e.Users, e.Others)))
	}
	return fmt.Sprintf("version %q cannot be removed: %s. Nothing was changed.", e.Version, strings.Join(reasons, "; and "))
}

// usersOf names what hangs on a version's base: its own instances, and, where no other version keeps the base, every overlay
// on it, whoever made it. What is another tenant's is counted only. It is an error where something may hang on the base that
// the host cannot describe; tell is told what it cannot describe else.
func (st *Store) Users(ctx context.Context, v catalog.Version, tell func(overlooked string)) (*InUseError, error) {
	in := &InUseError{Version: v.ID}
	domains, undescribed, err := st.host.AllDomains(ctx)
	if err != nil {
		return nil, err
	}
	instances, err := st.usage.MadeOf(domains)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, i := range instances {
		if !i.Of(st.pool, v.ID.Template) || !strategy.HoldsBase(i.Strategy) || i.Version != v.ID.Version {
			continue
		}
		if i.Tenant == st.tenant {
			in.Users = append(in.Users, i.Tenant+"/"+i.Name)
		} else {
			in.Others++
		}
		for _, disk := range i.Domain.Disks {
			known = append(known, disk.Path)
		}
	}
	base, err := st.Base(ctx, v.Digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return in, nil
	}
	if err != nil || len(base.Versions) > 1 {
		return in, err
	}
	if err := st.builtOn(ctx, base, in); err != nil {
		return nil, err
	}
	found, err := st.usage.On(ctx, base)
	if err != nil {
		return nil, err
	}
	for _, o := range found.Overlays {
		switch {
		case slices.Contains(known, o.Path) || o.Pool == st.pool && slices.Contains(base.Children, o.Name):
		case st.usage.Foreign(instances, o.Path), naming.OtherTenant(st.tenant, o.Name):
			in.Others++
		default:
			in.Users = append(in.Users, "volume "+strings.ToValidUTF8(o.Name, "\uFFFD"))
		}
	}
	if in.InUse() {
		return in, nil
	}
	return in, st.usage.Weigh(v.ID, found, undescribed, tell)
}

// builtOn names the versions whose images stand on a base.
func (st *Store) builtOn(ctx context.Context, base catalog.Base, in *InUseError) error {
	if len(base.Children) == 0 {
		return nil
	}
	bases, err := st.bases.List(ctx, "")
	if err != nil {
		return err
	}
	children := slices.Clone(base.Children)
	for _, b := range bases {
		if !slices.Contains(children, b.Value.Volume) {
			continue
		}
		children = without(children, b.Value.Volume)
		for _, user := range b.Value.Versions {
			if id, err := catalog.ParseVersionID(user); err == nil && id.Template.Tenant == st.tenant {
				in.Built = append(in.Built, user)
			} else {
				in.BuiltBy++
			}
		}
	}
	slices.Sort(in.Built)
	if len(children) > 0 {
		in.Built = append(in.Built, "one that is being registered")
	}
	return nil
}

// ready tells whether the pool was opened.
func (st *Store) Opened() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.opened
}

// DefaultPool is the pool that is created when it is missing; any other must exist.
const DefaultPool = "novacron"

// open makes sure, once, that the pool is there and active.
func (st *Store) Open(ctx context.Context) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.opened {
		return nil
	}
	pool, err := st.host.Pool(ctx, st.pool)
	if errors.Is(err, host.ErrNoPool) {
		if st.pool != DefaultPool {
			return st.noSuchPool(ctx, err)
		}
		pool, err = st.host.CreateDirPool(ctx, st.pool, defaultPoolPath(st.host.URI()))
	}
	if err != nil {
		return err
	}
	if !pool.Active {
		return finding.List{{Path: finding.At("pool"), Summary: "Storage pool is not active", Detail: fmt.Sprintf(
			"The pool %q on %s is not active: start it with `virsh pool-start %s`.", st.pool, st.host.URI(), st.pool)}}
	}
	st.opened = true
	return nil
}

// CheckPool finds that the pool is not there, or not active. The default pool is made when something is registered.
func (st *Store) Check(ctx context.Context) error {
	if st.Opened() {
		return nil
	}
	if _, err := st.host.Pool(ctx, st.pool); errors.Is(err, host.ErrNoPool) && st.pool == DefaultPool {
		return nil
	}
	return st.Open(ctx)
}

// defaultPoolPath is where the default pool is made: beside libvirt's own images, or among the user's data where the
// user's own session daemon runs the guests.
func defaultPoolPath(uri string) string {
	if u, err := url.Parse(uri); err != nil || u.Path != "/session" {
		return "/var/lib/libvirt/novacron"
	}
	data := os.Getenv("XDG_DATA_HOME")
	if home, err := os.UserHomeDir(); data == "" && err == nil {
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "novacron")
}

func (st *Store) noSuchPool(ctx context.Context, cause error) error {
	pools, err := st.host.Pools(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	names := make([]string, len(pools))
	for i, p := range pools {
		names[i] = p.Name
	}
	there := "It has no pools."
	if len(names) > 0 {
		there = "It has: " + strings.Join(names, ", ") + "."
	}
	return &MissingPoolError{finding.List{{Path: finding.At("pool"), Summary: "Storage pool not found", Detail: fmt.Sprintf(
		"The host %s has no storage pool %q. %s Define the pool, or name one that exists; only the default pool %q is "+
			"created when it is missing.", st.host.URI(), st.pool, there, DefaultPool)}}}
}

// MissingPoolError says that the library's pool is not there. A plan does not refuse that where nothing has to be read from the
// pool: the same apply may make it, by another provider.
type MissingPoolError struct{ error }

// Unwrap gives the findings.
func (e *MissingPoolError) Unwrap() error { return e.error }
