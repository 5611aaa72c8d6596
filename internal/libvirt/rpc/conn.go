package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// closeGrace is how long a connection that is being closed may take to say
// goodbye. Without the goodbye libvirtd logs an error for each connection.
const closeGrace = time.Second

// Conn is one connection to libvirtd.
type Conn struct {
	calls   *atomic.Int64 // the client's
	l       *libvirt.Libvirt
	wire    *wire
	waiting atomic.Int64 // callers that wait for an answer for as long as they have time
}

// do runs fn, which makes a request on c, until it returns or ctx is done.
// bounded tells that the end of ctx is the caller's own.
func (c *Conn) do(ctx context.Context, bounded bool, limit time.Duration, fn func(*libvirt.Libvirt) error) error {
	begun := time.Now()
	done := make(chan error, 1)
	var waits int64
	if bounded {
		waits = 1
	}
	c.waiting.Add(waits)
	go func() { done <- fn(c.l) }()
	select {
	case err := <-done:
		c.waiting.Add(-waits)
		return c.explain(err)
	case <-ctx.Done():
		c.waiting.Add(-waits)
	}
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w within %s: %w", host.ErrNoAnswer, time.Since(begun).Round(time.Millisecond), err)
	}
	if context.Cause(ctx) == errLimit { //nolint:errorlint // the cause is this very value
		if c.closeIfSilent(begun) {
			err = fmt.Errorf("%w: %w", host.ErrUnreachable, err)
		}
		return err
	}
	// The caller's own deadline says nothing about the connection.
	go func() {
		rest := time.NewTimer(limit - time.Since(begun))
		defer rest.Stop()
		select {
		case <-done:
		case <-rest.C:
			c.closeIfSilent(begun)
		}
	}()
	return err
}

// closeIfSilent closes a connection on which nothing has arrived since begun,
// and tells whether that was so. If something has, the host is alive and merely
// slow with one request. If a caller with time of its own waits on it still, the
// host may be slow with all of them, and that caller knows for how long to wait.
func (c *Conn) closeIfSilent(begun time.Time) bool {
	silent := c.wire.heard.Load() < begun.UnixNano() && c.waiting.Load() == 0
	if silent {
		c.wire.Close()
	}
	return silent
}

// abortGrace is how long a request that was asked to end by itself may take for that.
const abortGrace = time.Second

// Do makes a request on a connection that has one user: only ctx limits it, and the connection is closed when ctx ends
// first. Where abort is not nil, it is called before that, and makes fn return by itself: libvirt 9.0 can crash where a
// connection is closed in the middle of an upload. A ctx that has ended sends nothing.
func (c *Conn) Do(ctx context.Context, abort func(), fn func(*libvirt.Libvirt) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.calls.Add(1)
	done := make(chan error, 1)
	go func() { done <- fn(c.l) }()
	select {
	case err := <-done:
		return c.explain(err)
	case <-ctx.Done():
	}
	if abort != nil {
		abort()
		grace := time.NewTimer(abortGrace)
		defer grace.Stop()
		select {
		case <-done:
		case <-grace.C:
		}
	}
	c.wire.Close()
	return context.Cause(ctx)
}

func (c *Conn) lost() bool { return c.wire.lost.Load() }

// explain adds host.ErrUnreachable to a request's error that a lost connection
// caused.
func (c *Conn) explain(err error) error {
	if virterr.IsAnswer(err) || !c.lost() {
		return err
	}
	return fmt.Errorf("%w: the connection was lost: %w", host.ErrUnreachable, err)
}

// Cut closes the connection without a word, and so ends what happens on it.
func (c *Conn) Cut() { c.wire.Close() }

// Close takes leave of libvirtd and closes the connection.
func (c *Conn) Close() {
	if !c.lost() {
		done := make(chan struct{})
		go func() { _ = c.l.ConnectClose(); close(done) }()
		timer := time.NewTimer(closeGrace)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
		}
	}
	c.wire.Close()
}
