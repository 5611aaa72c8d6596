package provision

import (
	"context"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// statusAge is how old what is known of all domains may be when one of them is read: long enough
// for a refresh of many instances to ask once, and shorter than anybody looks away between two
// commands.
const statusAge = 2 * time.Second

// statuses is what all domains of a connection are doing, read at once: a refresh reads one
// instance after another.
type statuses struct {
	mu     sync.Mutex
	readAt time.Time
	byUUID map[string]host.Status
}

// get is a domain's status; known is false for a domain that was not there.
func (s *statuses) get(ctx context.Context, domains host.Domains, uuid string) (status host.Status, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked := time.Now(); asked.Sub(s.readAt) > statusAge {
		all, err := domains.Statuses(ctx)
		if err != nil {
			return status, false, err
		}
		s.readAt, s.byUUID = asked, all
	}
	status, known = s.byUUID[uuid]
	return status, known, nil
}

// forget makes the next read ask again: something was changed.
func (s *statuses) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readAt = time.Time{}
}
