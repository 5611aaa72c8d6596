package fastpath

import (
	"context"
	"sync"
)

// Compared is an answer of the fast path, with the framework's answer to the same request.
type Compared struct {
	Resource        string // the type of the resource
	Fast, Framework any    // two responses of one type of tfprotov6
	Err             error  // of the framework
}

// Comparison is called with each answer of the fast path. It may be called from several goroutines
// at once.
type Comparison func(Compared)

// Compare has the framework also answer what the fast path answers, and passes both answers to a
// test. If both read the host by Once, they read it together, once: a comparison costs no requests,
// and a guest that changes meanwhile changes both.
func Compare(with Comparison) Option { return func(s *Server) { s.compare = with } }

// answer gives the fast path's answer.
func answer[Req, Resp any](ctx context.Context, s *Server, resource string, req *Req, fast *Resp,
	framework func(context.Context, *Req) (*Resp, error),
) *Resp {
	if s.compare != nil {
		slow, err := framework(ctx, req)
		s.compare(Compared{Resource: resource, Fast: fast, Framework: slow, Err: err})
	}
	return fast
}

// readings are what was read while one request is answered, by key.
type readings struct {
	mu sync.Mutex
	of map[string]any
}

type readingsKey struct{}

// sharing has both answers of a comparison use the same readings.
func (s *Server) sharing(ctx context.Context) context.Context {
	if s.compare == nil {
		return ctx
	}
	return context.WithValue(ctx, readingsKey{}, &readings{of: map[string]any{}})
}

// Once reads something for the answer to a request. If the answer is compared, the fast path reads,
// and the framework gets what the fast path has read under the same key.
func Once[T any](ctx context.Context, key string, read func() (T, error)) (T, error) {
	kept, ok := ctx.Value(readingsKey{}).(*readings)
	if !ok {
		return read()
	}
	type reading struct {
		value T
		err   error
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	before, ok := kept.of[key].(reading)
	if !ok {
		before.value, before.err = read()
		kept.of[key] = before
	}
	return before.value, before.err
}
