package acctest

import (
	"net"
	"sync"
	"testing"
)

// Procedures of libvirt's main program that tests count (see remoteProgram).
const (
	ReadDefinition = 14  // a domain's XML
	ReadVolume     = 209 // a document of the catalog, or another volume
	ListDomains    = 273
	ListStatistics = 344 // of all domains
)

// Counted is a way to the host that counts the requests that are made on it.
type Counted struct {
	URI string

	mu  sync.Mutex
	all int
	of  map[uint32]int // by procedure of the main program
}

// Calls is how many requests have been made.
func (c *Counted) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// CallsOf is how many of them were for that procedure.
func (c *Counted) CallsOf(procedure uint32) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[procedure]
}

// More are the procedures that were called more often than others counted, and by how much.
func (c *Counted) More(than *Counted) map[uint32]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	more := map[uint32]int{}
	for procedure, n := range c.of {
		if n -= than.CallsOf(procedure); n > 0 {
			more[procedure] = n
		}
	}
	return more
}

// Count opens a way to the host that counts.
func (h *Host) Count(t testing.TB) *Counted {
	t.Helper()
	c := &Counted{of: map[uint32]int{}}
	c.URI = h.relay(t, func(net.Conn) tap { return c }).uri
	return c
}

func (c *Counted) asked(p packet) verdict {
	if p.kind() != packetCall {
		return goes
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	if p.program() == remoteProgram {
		c.of[p.procedure()]++
	}
	return goes
}

func (c *Counted) answered(packet) verdict { return goes }
