// Package rpc makes requests of a libvirt daemon: it connects when it has to, gives requests their time, and finds
// out that a connection is lost.
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

// errClosed is what calls after Close get.
var errClosed = errors.New("the connection to the host was closed by this program")

// Dialer opens network connections to one libvirt daemon.
type Dialer interface {
	// Dial opens a connection. It ends with ctx.
	Dial(ctx context.Context) (net.Conn, error)
	// URI names the daemon in errors.
	URI() string
	// Remote is what the daemon is asked for: one of its drivers, such as "qemu:///system".
	Remote() string
}

// Options say how patient to be.
type Options struct {
	// DialTimeout bounds reaching the host, including SSH and TLS. Zero means 10 seconds.
	DialTimeout time.Duration
	// CallTimeout bounds a single request whose context has no deadline, and the first answer on a connection; a caller
	// with time left tries another. Requests on a connection of their own are not bounded by it. Zero means 60 seconds.
	CallTimeout time.Duration
}

// Client makes requests of one driver of a libvirt daemon. It is safe for concurrent use and connects on first use. It
// keeps one connection for control, one for small documents and one for guest-agent commands, so that none of them
// waits for another; see Alone for others.
//
// A request that its caller gives up on (a cancelled or expired context) is left to finish by itself: closing the
// connection would fail everybody else's requests on it. Only when nothing at all has arrived on the connection for
// CallTimeout, and no caller with a deadline of its own waits on it any more, does it count as hung and is closed; the
// next call opens another. A network that swallows packets ends a connection over TCP or SSH by itself; see package
// dial.
//
// When a connection is lost during a request that only reads, the request is made once more on a new connection. Any
// other request fails with host.ErrUnreachable, because the host may have carried it out or not. A host that has
// answered before and cannot be reached, as while its daemon is restarted, is waited for: see awayFor.
type Client struct {
	// Control is for everything that has no connection of its own.
	Control *Session
	// Documents is for what small volumes hold.
	Documents *Session
	// Agent is for requests that wait for a guest.
	Agent *Session

	dialer      Dialer
	dialTimeout time.Duration
	callTimeout time.Duration
	calls       atomic.Int64
	closed      atomic.Bool
	presence    presence
}

// New returns a client that connects by a dialer. It makes no request.
func New(d Dialer, o Options) *Client {
	c := &Client{dialer: d, dialTimeout: o.DialTimeout, callTimeout: o.CallTimeout}
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

// Calls returns how many requests have been sent. Opening a connection is not counted; a request that was repeated
// counts twice.
func (c *Client) Calls() int64 { return c.calls.Load() }

// CallTimeout is how long a request may take whose caller sets no time.
func (c *Client) CallTimeout() time.Duration { return c.callTimeout }

// Close closes the client's connections. Requests in flight fail, later ones too. Connections of Alone are closed by
// their owners. Closing again does nothing.
func (c *Client) Close() {
	if c.closed.Swap(true) {
		return
	}
	for _, s := range []*Session{c.Control, c.Documents, c.Agent} {
		s.shut()
	}
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

// On is Session.Call for a request that has a result. An abandoned request may still write its result later; so it is
// looked at only after a success.
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
