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

// closeGrace is how long the goodbye on a closing connection may take. Without the goodbye libvirtd
// logs an error for each connection.
const closeGrace = time.Second

// Conn is one connection to libvirtd.
type Conn struct {
	calls   *atomic.Int64 // the client's
	l       *libvirt.Libvirt
	wire    *wire
	waiting atomic.Int64 // callers that wait for an answer, and have more time than a call takes at most
}

// do runs fn, which makes a request on c, until fn returns or ctx is done. patient says that the
// request may take longer than the client's call timeout: by its caller's deadline, or by limit.
func (c *Conn) do(ctx context.Context, patient bool, limit time.Duration, fn func(*libvirt.Libvirt) error) error {
	begun := time.Now()
	done := make(chan error, 1)
	var waits int64
	if patient {
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

// closeIfSilent closes a connection if nothing has arrived on it since begun, and reports whether
// it did. If something has arrived, the host is alive and merely slow with one request. If a patient
// caller still waits on the connection, the host may be slow with all requests, and that caller
// decides how long to wait.
func (c *Conn) closeIfSilent(begun time.Time) bool {
	silent := c.wire.heard.Load() < begun.UnixNano() && c.waiting.Load() == 0
	if silent {
		c.wire.Close()
	}
	return silent
}

// abortGrace is how long an aborted request may take to end by itself.
const abortGrace = time.Second

// Do makes a request on a connection with a single user. Only ctx limits the request; if ctx ends
// first, Do closes the connection. If abort is not nil, Do calls it before that, to make fn return
// by itself: libvirt 9.0 can crash if a connection is closed in the middle of an upload. If ctx has
// already ended, Do sends nothing.
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

// explain adds host.ErrUnreachable to a request's error if a lost connection caused it.
func (c *Conn) explain(err error) error {
	if virterr.IsAnswer(err) || !c.lost() {
		return err
	}
	return fmt.Errorf("%w: the connection was lost: %w", host.ErrUnreachable, err)
}

// Cut closes the connection without a goodbye, which ends all requests on it.
func (c *Conn) Cut() { c.wire.Close() }

// Close says goodbye to libvirtd and closes the connection.
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
