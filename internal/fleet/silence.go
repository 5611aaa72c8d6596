package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

const (
	// silenceAge is how long a host counts as silent that could not be reached, before it is asked
	// whether it answers again.
	silenceAge = 30 * time.Second
	// moment is how long a caller waits for a host that was silent before it takes it for silent still.
	moment = time.Second
	// slow is how long a host takes to answer before all others are asked whether they answer at all.
	slow = 3 * time.Second
	// patience is how long a create waits for a host if it could be on another one.
	patience = 10 * time.Second
)

// silence remembers that a host could not be reached, so that a plan with many instances of that host
// waits for its timeout once.
type silence struct {
	answers func(context.Context) error // asks the host something that costs it nothing
	waiting func()                      // is called while the host is slow

	mu    sync.Mutex
	err   error // why the host counts as silent; nil if it does not
	since time.Time
	probe chan struct{} // is closed when the host has said whether it answers; nil while it is not asked
	lost  error         // if the host is lost: it is not asked at all
}

// lose makes ask return an error without asking; nil ends that.
func (s *silence) lose(lost error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = lost
}

// ask asks the host, unless it was silent when it was last asked. Then it returns the error of that time. It
// returns a *LostError if the host is lost.
func (s *silence) ask(ask func() error) error {
	if err := s.known(); err != nil {
		return err
	}
	timer := time.AfterFunc(slow, s.waiting)
	err := ask()
	timer.Stop()
	if errors.Is(err, host.ErrUnreachable) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err, s.since = err, time.Now()
	}
	return err
}

// known returns why the host counts as silent or lost. If it is just being asked whether it answers, known waits for
// that. A host that was silent is asked again from time to time, and waited for only a moment: it goes on
// being asked in the background.
func (s *silence) known() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch again := time.Since(s.since) > silenceAge; {
	case s.lost != nil:
		return s.lost
	case s.err == nil && s.probe != nil:
		s.wait(nil)
	case s.err != nil && s.probe == nil && again:
		s.begin()
		timer := time.NewTimer(moment)
		defer timer.Stop()
		s.wait(timer.C)
	}
	return s.err
}

// wait waits for the probe, or for a timer. The lock is held before and after it.
func (s *silence) wait(timer <-chan time.Time) {
	probe := s.probe
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-probe:
	case <-timer:
	}
}

// begin begins to ask the host whether it answers. The lock is held.
func (s *silence) begin() {
	s.probe = make(chan struct{})
	go func() {
		err := s.answers(context.Background())
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err, s.since = nil, time.Now()
		if host.Unanswered(err) {
			s.err = err
		}
		close(s.probe)
		s.probe = nil
	}()
}

// doubt makes callers wait until the host has said whether it answers.
func (s *silence) doubt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil && s.err == nil && s.probe == nil {
		s.begin()
	}
}

// knock asks all members whether they answer, all at once and in the background. A plan reads few instances
// at a time. If some hosts are silent, it would otherwise wait for the timeout of one after the other.
func (f *Fleet) knock() {
	f.knocking.Lock()
	defer f.knocking.Unlock()
	if !f.knocked.IsZero() && time.Since(f.knocked) < silenceAge {
		return
	}
	f.knocked = time.Now()
	for _, m := range f.members {
		m.silence.doubt()
	}
}

// gather asks members, all at once, and returns what they say, by their places; nil for a member that is
// slow, once another one has said enough.
func gather[T any](
	ctx context.Context, members []*Member, ask func(context.Context, *Member) T, enough func(T) bool,
) []*T {
	// Without a deadline, a host gets no more than the time for any request, whatever time there is for the whole.
	untimed, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	type said struct {
		n    int
		what T
	}
	answers := make(chan said, len(members))
	for n, m := range members {
		go func() { answers <- said{n, ask(untimed, m)} }()
	}
	all := make([]*T, len(members))
	timer := time.NewTimer(patience)
	defer timer.Stop()
	satisfied, expired := false, false
	for left := len(members); left > 0 && (!satisfied || !expired); {
		select {
		case a := <-answers:
			all[a.n], left = &a.what, left-1
			satisfied = satisfied || enough(a.what)
		case <-timer.C:
			expired = true
		}
	}
	return all
}
