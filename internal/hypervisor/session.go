package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
	"golang.org/x/sync/singleflight"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// closeGrace is how long a connection that is being closed may take to say
// goodbye. Without the goodbye libvirtd logs an error for each connection.
const closeGrace = time.Second

// errLimit is the cause of a context that a request's own limit ended.
var errLimit = errors.New("no answer in time")

// wholeAfter is how long a request that is not to be cut off is waited for after a cancel.
const wholeAfter = time.Minute

// Whole is ctx for short requests that change the host. One that is cut off goes on there all the same, and whatever
// undoes it might come first. So a cancel cuts none off for a minute; the end of the caller's own time does.
func Whole(ctx context.Context) context.Context {
	whole := context.WithoutCancel(ctx)
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return whole
	}
	whole, cancel := context.WithDeadline(whole, deadline)
	context.AfterFunc(ctx, func() { time.AfterFunc(wholeAfter, cancel) })
	return whole
}

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
	limit      time.Duration // how long the host may take where the caller sets no time
}

// call makes one request: it opens the connection if need be, counts the
// request, bounds it by ctx, or by r.limit where ctx has no deadline, and types
// the error. A slow host gets all of the caller's time: what it carries out
// after nobody waits for it any more is there all the same. fn runs in a
// goroutine of its own, which may outlive the call when ctx ends it.
func (s *session) call(ctx context.Context, r request, fn func(*libvirt.Libvirt) error) error {
	_, bounded := ctx.Deadline()
	if !bounded {
		limited, cancel := context.WithTimeoutCause(ctx, r.limit, errLimit)
		defer cancel()
		ctx = limited
	}
	for again := r.readonly; ; again = false {
		c, err := s.host.patiently(ctx, bounded, s.open)
		if err != nil {
			return virterr.Fail(r.op, r.object, err)
		}
		s.host.calls.Add(1)
		err = c.do(ctx, bounded, r.limit, fn)
		if again && errors.Is(err, virterr.ErrUnreachable) && ctx.Err() == nil && !s.host.closed.Load() {
			continue
		}
		return virterr.Fail(r.op, r.object, err)
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
		err := ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("%w: %w", virterr.ErrNoAnswer, err)
		}
		if errors.Is(context.Cause(ctx), errLimit) { // not the caller's time, but that of any first answer
			err = fmt.Errorf("%w: %w", virterr.ErrUnreachable, err)
		}
		return nil, fmt.Errorf("connecting to %s: %w", s.host.target.URI(), err)
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
	l       *libvirt.Libvirt
	wire    *wire
	waiting atomic.Int64 // callers that wait for an answer for as long as they have time
}

// connectAlone opens a connection for one caller, who waits for as long as ctx
// has time.
func (h *Host) connectAlone(ctx context.Context) (*conn, error) {
	_, bounded := ctx.Deadline()
	return h.patiently(ctx, bounded, h.connect)
}

// connect reaches the host within its dial timeout, and gives it the time of a
// call for the first answer: a daemon that is just being started is slow.
func (h *Host) connect(ctx context.Context) (*conn, error) {
	if h.closed.Load() {
		return nil, errHostClosed
	}
	caller := ctx
	dialing, stopDialing := context.WithTimeout(ctx, h.dialTimeout)
	defer stopDialing()
	raw, err := h.target.Dial(dialing)
	if caller.Err() != nil { // which says nothing about the host
		if err == nil {
			raw.Close()
		}
		return nil, fmt.Errorf("connecting to %s: %w", h.target.URI(), caller.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: connecting to %s: %w", virterr.ErrUnreachable, h.target.URI(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.callTimeout)
	defer cancel()
	w := newWire(raw)
	l := libvirt.NewWithDialer(dialers.NewAlreadyConnected(w))
	stop := context.AfterFunc(ctx, func() { w.Close() })
	err = l.ConnectToURI(libvirt.ConnectURI(h.target.Remote()))
	if !stop() {
		if caller.Err() != nil {
			w.Close()
			return nil, fmt.Errorf("connecting to %s: %w", h.target.URI(), caller.Err())
		}
		err = fmt.Errorf("it accepted the connection, but %w within %s: %w", virterr.ErrNoAnswer, h.callTimeout, ctx.Err())
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("%w: connecting to %s: %w", virterr.ErrUnreachable, h.target.URI(), err)
	}
	return &conn{l: l, wire: w}, nil
}

// do runs fn, which makes a request on c, until it returns or ctx is done.
// bounded tells that the end of ctx is the caller's own.
func (c *conn) do(ctx context.Context, bounded bool, limit time.Duration, fn func(*libvirt.Libvirt) error) error {
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
		err = fmt.Errorf("%w within %s: %w", virterr.ErrNoAnswer, time.Since(begun).Round(time.Millisecond), err)
	}
	if context.Cause(ctx) == errLimit { //nolint:errorlint // the cause is this very value
		if c.closeIfSilent(begun) {
			err = fmt.Errorf("%w: %w", virterr.ErrUnreachable, err)
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
func (c *conn) closeIfSilent(begun time.Time) bool {
	silent := c.wire.heard.Load() < begun.UnixNano() && c.waiting.Load() == 0
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

// explain adds virterr.ErrUnreachable to a request's error that a lost connection
// caused.
func (c *conn) explain(err error) error {
	if virterr.IsAnswer(err) || !c.lost() {
		return err
	}
	return fmt.Errorf("%w: the connection was lost: %w", virterr.ErrUnreachable, err)
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
