package fleet

import (
	"errors"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// silenceAge is how long a host counts as silent that could not be reached. It is long enough for a
// plan, in which each instance would otherwise wait for the connection's timeout.
const silenceAge = 30 * time.Second

// silence remembers that a host could not be reached.
type silence struct {
	mu    sync.Mutex
	err   error
	since time.Time
	lost  error // if the host is lost: it is not asked at all
}

// lose makes ask return an error without asking; nil ends that.
func (s *silence) lose(lost error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = lost
}

// ask asks the host, unless it was silent a moment ago. Then it returns the error of that time. It returns a
// *LostError if the host is lost.
func (s *silence) ask(ask func() error) error {
	s.mu.Lock()
	if s.lost != nil {
		defer s.mu.Unlock()
		return s.lost
	}
	err := s.err
	if err != nil && time.Since(s.since) > silenceAge {
		err, s.err = nil, nil
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	err = ask()
	if errors.Is(err, host.ErrUnreachable) {
		s.mu.Lock()
		s.err, s.since = err, time.Now()
		s.mu.Unlock()
	}
	return err
}
