package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
)

const (
	// awayFor is how long to wait for a host that has answered before: a daemon that is restarted, or
	// upgraded with its packages, is back within seconds, and a machine that reboots is not back
	// within this time.
	awayFor = 2 * time.Minute

	// brieflyFor is the same for callers without a deadline, such as those of a plan, where nothing is
	// at stake.
	brieflyFor = 15 * time.Second

	// knockEvery is the pause between two attempts to reach a host.
	knockEvery = 500 * time.Millisecond
)

// presence records since when a host that has answered before has been away.
type presence struct {
	patience, briefly time.Duration // awayFor and brieflyFor

	mu    sync.Mutex
	seen  bool
	since time.Time // zero while the host is not away
}

// note records the outcome of an attempt to reach the host, and reports whether to wait for the
// host. bounded says that the caller has a deadline.
func (p *presence) note(err error, bounded bool) (wait bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.seen, p.since = true, time.Time{}
		return false
	case !p.seen || !errors.Is(err, host.ErrUnreachable) || errors.As(err, new(*dial.HostKeyError)):
		return false
	case p.since.IsZero():
		p.since = time.Now()
	}
	if bounded {
		return time.Since(p.since) < p.patience
	}
	return time.Since(p.since) < p.briefly
}

// answered reports whether the host has answered before.
func (p *presence) answered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// away returns for how long the host has been away, or zero if it is not.
func (p *presence) away() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		return 0
	}
	return time.Since(p.since)
}

// patiently opens a connection. If the host does not answer in time, a caller with a deadline
// (bounded) tries again. If the host has answered before, patiently waits for it, for awayFor or
// brieflyFor in all.
func (c *Client) patiently(
	ctx context.Context, bounded bool, open func(context.Context) (*Conn, error),
) (*Conn, error) {
	for {
		conn, err := open(ctx)
		wait := c.presence.note(err, bounded)
		switch {
		case err == nil, ctx.Err() != nil, c.closed.Load():
			return conn, err
		case bounded && errors.Is(err, host.ErrNoAnswer):
			continue // that attempt has taken its time already
		case !wait:
			return nil, err
		}
		pause := time.NewTimer(knockEvery)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, fmt.Errorf("%w (%w)", err, ctx.Err())
		}
	}
}
