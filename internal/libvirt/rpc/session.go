package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/digitalocean/go-libvirt"
	"golang.org/x/sync/singleflight"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// errLimit is the cause of a context that ended by a request's own limit.
var errLimit = errors.New("no answer in time")

// Session is a connection that is opened when it is first needed, and again after it was lost.
// Concurrent callers share one attempt.
type Session struct {
	client  *Client
	opening singleflight.Group

	mu  sync.Mutex
	cur *Conn
}

// Request describes a call: its error and its rules.
type Request struct {
	Op, Object string // for the error; see host.Error
	Readonly   bool   // may be repeated after a lost connection
	// how long the host may take if the caller has no deadline; zero is the client's call timeout
	Limit time.Duration
}

// Call makes one request: it opens the connection if need be, counts the request, bounds it by ctx,
// or by r.Limit if ctx has no deadline, and types the error. A slow host gets all of the caller's
// time, because it also carries out requests whose callers have given up. fn runs in its own
// goroutine, which may outlive the call if ctx ends it.
func (s *Session) Call(ctx context.Context, r Request, fn func(*libvirt.Libvirt) error) error {
	limit := cmp.Or(r.Limit, s.client.callTimeout)
	_, bounded := ctx.Deadline()
	if !bounded {
		limited, cancel := context.WithTimeoutCause(ctx, limit, errLimit)
		defer cancel()
		ctx = limited
	}
	for again := r.Readonly; ; again = false {
		c, err := s.client.patiently(ctx, bounded, s.open)
		if err == nil { // an open connection would send even a request that was already given up
			err = EndOf(ctx)
		}
		if err != nil {
			return virterr.Fail(r.Op, r.Object, err)
		}
		s.client.calls.Add(1)
		err = c.do(ctx, bounded || limit > s.client.callTimeout, limit, fn)
		if again && errors.Is(err, host.ErrUnreachable) && ctx.Err() == nil && !s.client.closed.Load() {
			continue
		}
		return virterr.Fail(r.Op, r.Object, err)
	}
}

// EndOf returns the error of a ctx that has ended.
func EndOf(ctx context.Context) error {
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", host.ErrNoAnswer, err)
	}
	return err
}

// open returns the session's connection. All callers share an attempt to open one, and a caller
// that gives up does not fail the others.
func (s *Session) open(ctx context.Context) (*Conn, error) {
	if c := s.current(); c != nil {
		return c, nil
	}
	opened := s.opening.DoChan("", func() (any, error) {
		if c := s.current(); c != nil {
			return c, nil
		}
		c, err := s.client.connect(context.Background())
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.client.closed.Load() {
			c.Cut()
			return nil, errClosed
		}
		s.cur = c
		return c, nil
	})
	select {
	case res := <-opened:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.(*Conn), nil
	case <-ctx.Done():
		err := EndOf(ctx)
		if errors.Is(context.Cause(ctx), errLimit) { // the limit was not the caller's but that of any first answer
			err = fmt.Errorf("%w: %w", host.ErrUnreachable, err)
		}
		return nil, fmt.Errorf("connecting to %s: %w", s.client.dialer.URI(), err)
	}
}

func (s *Session) current() *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != nil && !s.cur.lost() {
		return s.cur
	}
	return nil
}

func (s *Session) shut() {
	s.mu.Lock()
	c := s.cur
	s.cur = nil
	s.mu.Unlock()
	if c != nil {
		c.Close()
	}
}
