package volumes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Pool is a pool of a host, as far as it holds images.
type Pool struct {
	host host.Host // that has the pool
	name string
	path string // where the pool is created if it is missing; "" if it must exist

	mu     sync.Mutex
	opened bool
}

// New returns a Pool. It connects to nothing.
func New(h host.Host, name string) *Pool {
	p := &Pool{host: h, name: name}
	if name == DefaultPool {
		p.path = defaultPoolPath(h.URI())
	}
	return p
}

// Name is the pool's name on its host.
func (p *Pool) Name() string { return p.name }

// String names the pool and its host.
func (p *Pool) String() string { return fmt.Sprintf("pool %q on %s", p.name, p.host.URI()) }

// UUID returns the UUID of the library's pool, or host.ErrNoPool. It makes no request if the pool
// was used before.
func (p *Pool) UUID(ctx context.Context) (string, error) {
	return p.host.PoolUUID(ctx, p.name)
}

// Opened reports whether the pool was opened.
func (p *Pool) Opened() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.opened
}

// DefaultPool is the pool that is created when it is missing; any other must exist.
const DefaultPool = "novacron"

// Open makes sure, once, that the pool exists and is active.
func (p *Pool) Open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.opened {
		return nil
	}
	pool, err := p.whenCreated(ctx)
	switch {
	case p.creates(err):
		pool, err = p.host.CreateDirPool(ctx, p.name, p.path)
	case errors.Is(err, host.ErrNoPool):
		return p.noSuchPool(ctx, err)
	}
	if err != nil {
		return err
	}
	if !pool.Active {
		return finding.List{{Path: finding.At("pool"), Summary: "Storage pool is not active", Detail: fmt.Sprintf(
			"The pool %q on %s is not active: start it with `virsh pool-start %s`.", p.name, p.host.URI(), p.name)}}
	}
	p.opened = true
	return nil
}

// creates reports whether the pool is one that Open creates, by the error of Host.Pool.
func (p *Pool) creates(err error) bool { return p.path != "" && errors.Is(err, host.ErrNoPool) }

const (
	// creationTime is how long another process may take to finish the default pool.
	creationTime = 10 * time.Second
	// creationPoll is how often the pool is looked at meanwhile.
	creationPoll = 20 * time.Millisecond
)

// whenCreated returns the pool. If it is the default pool, and another process seems to be creating
// it, whenCreated waits for that process. It never starts the pool itself: a pool that an
// administrator keeps without autostart looks the same, and its disk may not be mounted.
func (p *Pool) whenCreated(ctx context.Context) (host.Pool, error) {
	for end := time.Now().Add(creationTime); ; {
		pool, err := p.host.Pool(ctx, p.name)
		if err != nil || p.path == "" || !pool.Unfinished || pool.Path != p.path || time.Now().After(end) {
			return pool, err
		}
		select {
		case <-ctx.Done():
			return pool, fmt.Errorf("waiting until another process has created %s: %w", p, ctx.Err())
		case <-time.After(creationPoll):
		}
	}
}

// Check returns an error if the pool does not exist or is not active. The default pool is created
// when something is registered.
func (p *Pool) Check(ctx context.Context) error {
	if p.Opened() {
		return nil
	}
	if _, err := p.host.Pool(ctx, p.name); p.creates(err) {
		return nil
	}
	return p.Open(ctx)
}

// defaultPoolPath is where the default pool is created: beside libvirt's own images, or among the
// user's data if the user's own session daemon runs the guests.
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

func (p *Pool) noSuchPool(ctx context.Context, cause error) error {
	pools, err := p.host.Pools(ctx)
	if err != nil {
		return errors.Join(cause, err)
	}
	names := make([]string, len(pools))
	for i, pool := range pools {
		names[i] = pool.Name
	}
	there := "It has no pools."
	if len(names) > 0 {
		there = "It has: " + strings.Join(names, ", ") + "."
	}
	return &MissingPoolError{finding.List{{Path: finding.At("pool"), Summary: "Storage pool not found",
		Detail: fmt.Sprintf(
			"The host %s has no storage pool %q. %s Define the pool, or name one that exists; only the "+
				"default pool %q is created when it is missing.", p.host.URI(), p.name, there, DefaultPool)}}}
}

// MissingPoolError says that the library's pool does not exist. A plan does not refuse that if
// nothing has to be read from the pool: the same apply may create it, by another provider.
type MissingPoolError struct{ error }

// Unwrap returns the findings.
func (e *MissingPoolError) Unwrap() error { return e.error }
