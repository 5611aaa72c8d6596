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
}

// ask asks the host, unless it was silent a moment ago. Then it returns the error of that time.
func (s *silence) ask(ask func() error) error {
	s.mu.Lock()
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
