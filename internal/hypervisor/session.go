package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
	"golang.org/x/sync/singleflight"
)

// closeGrace is how long a connection that is being closed may take to say
// goodbye. Without the goodbye libvirtd logs an error for each connection.
const closeGrace = time.Second

// errNoAnswer is the cause of a context that a request's own limit ended.
var errNoAnswer = errors.New("no answer in time")

// session is a connection that is opened when it is first needed and again
// after it was lost. Callers that need it at the same time share one attempt.
type session struct {
	host    *Host
	opening singleflight.Group

	mu  sync.Mutex
	cur *conn
}

// request describes a call for its error and its rules.
type request struct {
	op, object string
	readonly   bool          // may be repeated after a lost connection
	limit      time.Duration // how long the host may take
}

// call makes one request: it opens the connection if need be, counts the
// request, bounds it by r.limit or ctx, whichever ends first, and types the
// error. fn runs in a goroutine of its own, which may outlive the call when ctx
// ends it.
func (s *session) call(ctx context.Context, r request, fn func(*libvirt.Libvirt) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limit, errNoAnswer)
	defer cancel()
	for again := r.readonly; ; again = false {
		c, err := s.open(ctx)
		if err != nil {
			return fail(r.op, r.object, err)
		}
		s.host.calls.Add(1)
		err = c.do(ctx, r.limit, fn)
		if again && errors.Is(err, ErrUnreachable) && ctx.Err() == nil && !s.host.closed.Load() {
			continue
		}
		return fail(r.op, r.object, err)
	}
}

// open returns the session's connection. The attempt to open one belongs to
// nobody in particular: a caller that gives up does not fail the others.
func (s *session) open(ctx context.Context) (*conn, error) {
	if c := s.current(); c != nil {
		return c, nil
	}
	opened := s.opening.DoChan("", func() (any, error) {
		if c := s.current(); c != nil {
			return c, nil
		}
		c, err := s.host.connect(context.Background())
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.host.closed.Load() {
			c.wire.Close()
			return nil, errHostClosed
		}
		s.cur = c
		return c, nil
	})
	select {
	case res := <-opened:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.(*conn), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("connecting to %s: %w", s.host.target.uri, ctx.Err())
	}
}

func (s *session) current() *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != nil && !s.cur.lost() {
		return s.cur
	}
	return nil
}

func (s *session) shut() {
	s.mu.Lock()
	c := s.cur
	s.cur = nil
	s.mu.Unlock()
	if c != nil {
		c.shut()
	}
}

// conn is one connection to libvirtd.
type conn struct {
	l    *libvirt.Libvirt
	wire *wire
}

// connect opens a connection within the host's dial timeout.
func (h *Host) connect(ctx context.Context) (*conn, error) {
	if h.closed.Load() {
		return nil, errHostClosed
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, h.dialTimeout)
	defer cancel()
	raw, err := h.target.dial(ctx)
	if caller.Err() != nil { // which says nothing about the host
		if err == nil {
			raw.Close()
		}
		return nil, fmt.Errorf("connecting to %s: %w", h.target.uri, caller.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: connecting to %s: %w", ErrUnreachable, h.target.uri, err)
	}
	w := newWire(raw)
	l := libvirt.NewWithDialer(dialers.NewAlreadyConnected(w))
	stop := context.AfterFunc(ctx, func() { w.Close() })
	err = l.ConnectToURI(libvirt.ConnectURI(h.target.remote))
	if !stop() {
		if caller.Err() != nil {
			w.Close()
			return nil, fmt.Errorf("connecting to %s: %w", h.target.uri, caller.Err())
		}
		err = fmt.Errorf("it accepted the connection but did not answer within %s: %w", h.dialTimeout, ctx.Err())
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("%w: connecting to %s: %w", ErrUnreachable, h.target.uri, err)
	}
	return &conn{l: l, wire: w}, nil
}

// do runs fn, which makes a request on c, until it returns or ctx is done.
func (c *conn) do(ctx context.Context, limit time.Duration, fn func(*libvirt.Libvirt) error) error {
	begun := time.Now()
	done := make(chan error, 1)
	go func() { done <- fn(c.l) }()
	select {
	case err := <-done:
		return c.explain(err)
	case <-ctx.Done():
	}
	if context.Cause(ctx) == errNoAnswer { //nolint:errorlint // the cause is this very value
		err := fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
		if c.closeIfSilent(begun) {
			err = fmt.Errorf("%w: %w", ErrUnreachable, err)
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
	return ctx.Err()
}

// closeIfSilent closes a connection on which nothing has arrived since begun,
// and tells whether that was so. If something has, the host is alive and merely
// slow with one request.
func (c *conn) closeIfSilent(begun time.Time) bool {
	silent := c.wire.heard.Load() < begun.UnixNano()
	if silent {
		c.wire.Close()
	}
	return silent
}

// doAlone is do on a connection that nobody else uses: there is no limit but
// ctx, and the connection is closed when ctx ends first.
func (c *conn) doAlone(ctx context.Context, fn func(*libvirt.Libvirt) error) error {
	done := make(chan error, 1)
	go func() { done <- fn(c.l) }()
	select {
	case err := <-done:
		return c.explain(err)
	case <-ctx.Done():
		c.wire.Close()
		return context.Cause(ctx)
	}
}

func (c *conn) lost() bool { return c.wire.lost.Load() }

// explain adds ErrUnreachable to a request's error that a lost connection
// caused.
func (c *conn) explain(err error) error {
	if isReply(err) || !c.lost() {
		return err
	}
	return fmt.Errorf("%w: the connection was lost: %w", ErrUnreachable, err)
}

// shut takes leave of libvirtd and closes the connection.
func (c *conn) shut() {
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
