package catalog

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// StandIns collects what a call has read from an older revision because the newest one is damaged.
// It travels in the context of the call: a Store that finds none there reports ErrDamaged instead.
type StandIns struct {
	mu    sync.Mutex
	found map[string]string
}

// StandIn is one damaged revision that an older one stood in for.
type StandIn struct {
	Damaged string // names the revision in the catalog, as a volume
	Detail  string // what is wrong with it, what was read instead, and how to restore it
}

type standInsKey struct{}

// WithStandIns lets a call read older revisions in place of damaged ones, and notes them in s.
func WithStandIns(ctx context.Context, s *StandIns) context.Context {
	return context.WithValue(ctx, standInsKey{}, s)
}

// WithoutStandIns makes a call fail with ErrDamaged if an older revision would stand in: for
// decisions that lose something if a document lacks what its newest revision had.
func WithoutStandIns(ctx context.Context) context.Context { return WithStandIns(ctx, nil) }

// NoteStandIn notes an older revision that is about to be read, and reports whether the call may
// read it.
func NoteStandIn(ctx context.Context, in StandIn) (allowed bool) {
	s, _ := ctx.Value(standInsKey{}).(*StandIns)
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found = map[string]string{}
	}
	s.found[in.Damaged] = in.Detail
	return true
}

// All lists what was noted, ordered by the names of the damaged revisions.
func (s *StandIns) All() []StandIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []StandIn
	for _, name := range slices.Sorted(maps.Keys(s.found)) {
		all = append(all, StandIn{name, s.found[name]})
	}
	return all
}
