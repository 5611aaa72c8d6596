// Package library is the content library of a host: templates, their versions, and the base images that the versions
// share, kept in a storage pool. It turns registration into documents and stored images, and removes what nobody uses.
package library

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// DefaultPool is the pool that is created when it is missing; any other must exist.
const DefaultPool = "novacron"

// Options say where the library is and who uses it.
type Options struct {
	Host  host.Host
	Pool  string        // the pool of documents, images and disks
	Store catalog.Store // the catalogue, in the same pool or elsewhere
	Me    catalog.Principal
	// Retention says which of the tenant's requests are kept.
	Retention catalog.Retention
}

// Library is the library as one user of one tenant sees it.
type Library struct {
	host  host.Host
	pool  string
	store catalog.Store
	me    catalog.Principal

	abandonedAfter time.Duration
	unusedFor      time.Duration
	removalGrace   time.Duration                                // see WhileTaken
	poolTime       func(ctx context.Context) (time.Time, error) // by which the pool's bases are judged

	lookAgain func(ctx context.Context) error // at the pool: it shows what other hosts have written by now

	mu     sync.Mutex
	opened bool
	swept  sync.Once
	plan   planCache

	removals    removals
	unconfirmed unconfirmed

	retention catalog.Retention
	ended     atomic.Int64 // requests that this process has written the end of
}

// New makes a library. Nothing is connected before it is used.
func New(o Options) *Library {
	return &Library{host: o.Host, pool: o.Pool, store: o.Store, me: o.Me, abandonedAfter: abandonedAfter, unusedFor: unusedFor, removalGrace: removalGrace,
		retention: o.Retention, poolTime: func(ctx context.Context) (time.Time, error) { return o.Host.Time(ctx, o.Pool) },
		lookAgain: func(ctx context.Context) error { return o.Host.RefreshPool(ctx, o.Pool) }}
}

// Tenant is whose names are used where none is given.
func (l *Library) Tenant() string { return l.me.Tenant }

// User is who uses the library.
func (l *Library) User() string { return l.me.User }

// Pool is the name of the library's pool.
func (l *Library) Pool() string { return l.pool }

// open makes sure, once, that the pool is there and active.
func (l *Library) open(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened {
		return nil
	}
	pool, err := l.host.Pool(ctx, l.pool)
	if errors.Is(err, host.ErrNoPool) {
		if l.pool != DefaultPool {
			return l.noSuchPool(ctx, err)
		}
		pool, err = l.host.CreateDirPool(ctx, l.pool, defaultPoolPath(l.host.URI()))
	}
	if err != nil {
		return err
	}
	if !pool.Active {
		return finding.List{{Path: finding.At("pool"), Summary: "Storage pool is not active", Detail: fmt.Sprintf(
			"The pool %q on %s is not active: start it with `virsh pool-start %s`.", l.pool, l.host.URI(), l.pool)}}
	}
	l.opened = true
	return nil
}

// CheckPool finds that the pool is not there, or not active. The default pool is made when something is registered.
func (l *Library) CheckPool(ctx context.Context) error {
	if l.ready() {
		return nil
	}
	if _, err := l.host.Pool(ctx, l.pool); errors.Is(err, host.ErrNoPool) && l.pool == DefaultPool {
		return nil
	}
	return l.open(ctx)
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

func (l *Library) noSuchPool(ctx context.Context, cause error) error {
	pools, err := l.host.Pools(ctx)
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
			"created when it is missing.", l.host.URI(), l.pool, there, DefaultPool)}}}
}

// MissingPoolError says that the library's pool is not there. A plan does not refuse that where nothing has to be read from the
// pool: the same apply may make it, by another provider.
type MissingPoolError struct{ error }

// Unwrap gives the findings.
func (e *MissingPoolError) Unwrap() error { return e.error }

// undoTime is how long undoing may take, whatever became of the time for doing.
const undoTime = time.Minute

// undoContext is for undoing what a failed or cancelled call has done.
func undoContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), undoTime)
}
