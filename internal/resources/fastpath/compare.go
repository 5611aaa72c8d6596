package fastpath

import (
	"context"
	"sync"
)

// Compared is an answer of the fast path, with the framework's answer to the same request.
type Compared struct {
	Resource        string // the type of the resource
	Fast, Framework any    // two responses of the same type of tfprotov6
	Err             error  // the framework's error
}

// Comparison receives each answer of the fast path. Several goroutines may call it at once.
type Comparison func(Compared)

// Compare makes the framework also answer each request that the fast path answers, and passes both
// answers to a test. If both read the host through Once, only the first one reads. So a comparison
// costs no requests, and both see the same guest, even if it changes meanwhile.
func Compare(with Comparison) Option { return func(s *Server) { s.compare = with } }

// answer returns the fast path's answer, and passes it to the comparison if there is one.
func answer[Req, Resp any](ctx context.Context, s *Server, resource string, req *Req, fast *Resp,
	framework func(context.Context, *Req) (*Resp, error),
) *Resp {
	if s.compare != nil {
		slow, err := framework(ctx, req)
		s.compare(Compared{Resource: resource, Fast: fast, Framework: slow, Err: err})
	}
	return fast
}

// readings holds what was read while one request is answered, by key.
type readings struct {
	mu sync.Mutex
	of map[string]any
}

type readingsKey struct{}

// sharing returns a context in which both answers of a comparison share their readings.
func (s *Server) sharing(ctx context.Context) context.Context {
	if s.compare == nil {
		return ctx
	}
	return context.WithValue(ctx, readingsKey{}, &readings{of: map[string]any{}})
}

// Once reads something that the answer to a request needs. If the answer is compared, only the fast
// path reads. The framework then gets what the fast path read under the same key.
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
