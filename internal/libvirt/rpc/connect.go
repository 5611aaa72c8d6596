package rpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Alone opens a connection for one caller, which waits as long as ctx allows and closes the
// connection in the end. op and object describe the purpose, as in host.Error.
func (c *Client) Alone(ctx context.Context, op, object string) (*Conn, error) {
	_, bounded := ctx.Deadline()
	conn, err := c.patiently(ctx, bounded, c.connect)
	return conn, virterr.Fail(op, object, err)
}

// connect reaches the host within its dial timeout, and gives it the time of a call for the first
// answer, because a daemon that is just starting is slow.
func (c *Client) connect(ctx context.Context) (*Conn, error) {
	if c.closed.Load() {
		return nil, errClosed
	}
	if lacking := c.lacking.Load(); lacking != nil {
		return nil, *lacking
	}
	caller := ctx
	dialing, stopDialing := context.WithTimeout(ctx, c.dialTimeout)
	defer stopDialing()
	raw, err := c.dialer.Dial(dialing)
	if caller.Err() != nil { // which says nothing about the host
		if err == nil {
			raw.Close()
		}
		return nil, fmt.Errorf("connecting to %s: %w", c.dialer.URI(), caller.Err())
	}
	if host.Driverless(err) {
		if c.without(err) {
			return nil, err
		}
		err = errors.New(err.Error())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", host.ErrUnreachable, &host.ConnectError{URI: c.dialer.URI(), Err: err})
	}
	ctx, cancel := context.WithTimeout(ctx, c.callTimeout)
	defer cancel()
	w := newWire(raw)
	l := libvirt.NewWithDialer(dialers.NewAlreadyConnected(w))
	stop := context.AfterFunc(ctx, func() { w.Close() })
	err = l.ConnectToURI(libvirt.ConnectURI(c.dialer.Remote()))
	if !stop() {
		if caller.Err() != nil {
			w.Close()
			return nil, fmt.Errorf("connecting to %s: %w", c.dialer.URI(), caller.Err())
		}
		err = fmt.Errorf("it accepted the connection, but %w within %s: %w", host.ErrNoAnswer, c.callTimeout, ctx.Err())
	}
	if err != nil {
		w.Close()
		if refusal := c.refusal(err); refusal != nil && c.without(refusal) {
			return nil, refusal
		}
		return nil, fmt.Errorf("%w: %w", host.ErrUnreachable, &host.ConnectError{URI: c.dialer.URI(), Err: err})
	}
	return &Conn{calls: &c.calls, l: l, wire: w}, nil
}

// refusal says why the daemon has not opened a driver that it may lack; nil if the error does not say so.
func (c *Client) refusal(err error) error {
	switch {
	case c.missing == nil || !virterr.IsAnswer(err):
		return nil
	case virterr.HasCode(err, libvirt.ErrNoConnect):
		return c.missing
	}
	return fmt.Errorf("%w %s: %w", host.ErrDriverDown, c.dialer.Remote(),
		&host.ConnectError{URI: c.dialer.URI(), Err: err})
}

// without remembers why the daemon is not asked for the driver any more. It reports false if the driver
// has answered before: then it is only away.
func (c *Client) without(refusal error) bool {
	if c.presence.answered() {
		return false
	}
	c.lacking.Store(&refusal)
	return true
}
