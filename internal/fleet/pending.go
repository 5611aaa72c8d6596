package fleet

import (
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// pending is what this process is about to define on a host, and what it has defined lately.
type pending struct {
	mu       sync.Mutex
	promises []*promise
	settled  int // how many promises have been settled so far
}

// promise is a domain that is about to be defined.
type promise struct {
	domain string
	demand provision.Demand
	// settled is which promise this was to be settled, from 1; 0 while it is not.
	settled int
}

// remembered is how many settled promises are kept: more than this process settles while a host answers.
const remembered = 256

// now is the present as missing takes it.
func (p *pending) now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settled
}

// add adds a domain that is about to be defined. settle says that the host has it by now, or will not get it.
func (p *pending) add(domain string, d provision.Demand) (settle func()) {
	one := &promise{domain: domain, demand: d}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.promises = append(p.promises, one)
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.settled++
		one.settled = p.settled
		p.promises = slices.DeleteFunc(p.promises, func(old *promise) bool {
			return old.settled > 0 && old.settled <= p.settled-remembered
		})
	})
}

// missing is what a host's room does not count yet, although it is promised, or was so when the host was
// asked for the room.
func (p *pending) missing(room provision.Room, asked int) (sum provision.Demand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.promises {
		if (one.settled == 0 || one.settled > asked) && !room.Named(one.domain) {
			sum.VCPUs += one.demand.VCPUs
			sum.MemoryMB += one.demand.MemoryMB
		}
	}
	return sum
}
