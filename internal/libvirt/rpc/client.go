// Package rpc makes requests to a libvirt daemon: it connects when it needs to, bounds the time of
// requests, and detects lost connections.
package rpc

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/digitalocean/go-libvirt"
)

const (
	defaultDialTimeout = 10 * time.Second
	defaultCallTimeout = 60 * time.Second
)

// errClosed is the error of calls after Close.
var errClosed = errors.New("the connection to the host was closed by this program")

// Dialer opens network connections to one libvirt daemon.
type Dialer interface {
	// Dial opens a connection. It ends with ctx.
	Dial(ctx context.Context) (net.Conn, error)
	// URI names the daemon in errors.
	URI() string
	// Remote is the driver to open on the daemon, such as "qemu:///system".
	Remote() string
}

// Options say how long to wait for a host.
type Options struct {
	// DialTimeout bounds reaching the host, including SSH and TLS. Zero means 10 seconds.
	DialTimeout time.Duration
	// CallTimeout bounds a single request whose context has no deadline, and the first answer on a
	// connection; a caller with time left tries another connection. It does not bound requests on
	// separate connections. Zero means 60 seconds.
	CallTimeout time.Duration
	// Missing is the error if the daemon does not have the driver. Nil means host.ErrUnreachable: every
	// daemon has the driver. Otherwise the client asks the daemon once whether it has the driver and can
	// use it, and if not, asks it no more.
	Missing error
}

// Client makes requests to one driver of a libvirt daemon. It is safe for concurrent use and
// connects on first use. It keeps one connection for control, one for small documents and one for
// guest-agent commands, so that none of them waits for another; see Alone for other connections.
//
// If a caller gives up on a request (its context is cancelled or expires), the request is left to
// finish by itself: closing the connection would fail the other callers' requests on it. A
// connection counts as hung only if nothing at all has arrived on it for CallTimeout and no caller
// with more time than that still waits on it. The client then closes it, and the next call opens
// another. If a network drops packets, a connection over TCP or SSH ends by itself; see package
// dial.
//
// If a connection is lost during a request that only reads, the client repeats the request on a new
// connection. Any other request fails with host.ErrUnreachable, because it is unknown whether the
// host has carried it out. If a host has answered before and cannot be reached, for example while
// its daemon restarts, the client waits for it: see awayFor.
type Client struct {
	// Control is for all requests without a connection of their own.
	Control *Session
	// Documents is for the contents of small volumes.
	Documents *Session
	// Agent is for requests that wait for a guest.
	Agent *Session

	dialer      Dialer
	dialTimeout time.Duration
	callTimeout time.Duration
	missing     error
	lacking     atomic.Pointer[error] // why the daemon is not asked for the driver any more
	calls       atomic.Int64
	closed      atomic.Bool
	presence    presence
}

// New returns a client that connects through a dialer. It makes no request.
func New(d Dialer, o Options) *Client {
	c := &Client{dialer: d, dialTimeout: o.DialTimeout, callTimeout: o.CallTimeout, missing: o.Missing}
	if c.dialTimeout <= 0 {
		c.dialTimeout = defaultDialTimeout
	}
	if c.callTimeout <= 0 {
		c.callTimeout = defaultCallTimeout
	}
	c.presence.patience, c.presence.briefly = awayFor, brieflyFor
	c.Control, c.Documents, c.Agent = &Session{client: c}, &Session{client: c}, &Session{client: c}
	return c
}

// URI names the daemon.
func (c *Client) URI() string { return c.dialer.URI() }

// Calls returns how many requests have been sent. Opening a connection does not count; a repeated
// request counts twice.
func (c *Client) Calls() int64 { return c.calls.Load() }

// CallTimeout returns how long a request may take if its caller sets no deadline.
func (c *Client) CallTimeout() time.Duration { return c.callTimeout }

// Close closes the client's connections. Requests in flight and later ones fail. The owners of
// connections from Alone close those. Closing again does nothing.
func (c *Client) Close() {
	if c.closed.Swap(true) {
		return
	}
	for _, s := range []*Session{c.Control, c.Documents, c.Agent} {
		s.shut()
	}
}

// Connect opens the control connection, if it is not open. op and object describe the purpose, as in
// host.Error.
func (c *Client) Connect(ctx context.Context, op, object string) error {
	if c.Control.current() != nil {
		return nil
	}
	return c.Call(ctx, op, object, true, func(l *libvirt.Libvirt) error {
		_, err := l.ConnectGetLibVersion()
		return err
	})
}

// Call makes one request on the control connection; see Session.Call.
func (c *Client) Call(ctx context.Context, op, object string, readonly bool, fn func(*libvirt.Libvirt) error) error {
	return c.Control.Call(ctx, Request{Op: op, Object: object, Readonly: readonly}, fn)
}

// Ask makes one request that only reads on the control connection.
func Ask[T any](ctx context.Context, c *Client, op, object string, fn func(*libvirt.Libvirt) (T, error)) (T, error) {
	return On(ctx, c.Control, Request{Op: op, Object: object, Readonly: true}, fn)
}

// Tell makes one request that changes something on the control connection.
func Tell[T any](ctx context.Context, c *Client, op, object string, fn func(*libvirt.Libvirt) (T, error)) (T, error) {
	return On(ctx, c.Control, Request{Op: op, Object: object}, fn)
}

// On is Session.Call for a request that has a result. An abandoned request may still write its
// result later, so On reads the result only after a success.
func On[T any](ctx context.Context, s *Session, r Request, fn func(*libvirt.Libvirt) (T, error)) (T, error) {
	var result T
	err := s.Call(ctx, r, func(l *libvirt.Libvirt) error {
		v, err := fn(l)
		if err != nil {
			return err
		}
		result = v
		return nil
	})
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}
