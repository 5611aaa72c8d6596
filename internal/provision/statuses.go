package provision

import (
	"context"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// statusAge is how old what is known of all domains may be when one of them is read: long enough for a refresh of many
// instances to ask once, and shorter than anybody looks away between two commands.
const statusAge = 2 * time.Second

// statuses is what all domains of the host are doing, read at once: a refresh reads one instance after another.
type statuses struct {
	mu sync.Mutex
	as time.Time // of then
	of map[string]host.Status
}

// get is a domain's status; known is false for a domain that was not there.
func (s *statuses) get(ctx context.Context, h host.Host, uuid string) (status host.Status, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if asked := time.Now(); asked.Sub(s.as) > statusAge {
		of, err := h.Statuses(ctx)
		if err != nil {
			return status, false, err
		}
		s.as, s.of = asked, of
	}
	status, known = s.of[uuid]
	return status, known, nil
}

// forget makes the next read ask again: something was changed.
func (s *statuses) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.as = time.Time{}
}

// Refresh is Read for one of many: the host is asked for the state of all its domains at once.
func (p *Provisioner) Refresh(ctx context.Context, uuid string) (Instance, error) {
	status, known, err := p.statuses.get(ctx, p.host, uuid)
	if err != nil {
		return Instance{}, err
	}
	if !known {
		return p.Read(ctx, uuid)
	}
	domain, err := p.host.DomainWith(ctx, uuid, status)
	return p.instance(ctx, domain, err)
}
