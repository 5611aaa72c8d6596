package acctest

import (
	"net"
	"sync"
	"testing"
)

// Numbers of procedures of libvirt's main program that tests count (see remoteProgram).
const (
	ReadCapabilities = 7   // of the host
	ReadDefinition   = 14  // a domain's XML
	ReadVolume       = 209 // a document of the catalog, or any other volume
	ListDomains      = 273
	ReadFirmwares    = 342 // the capabilities of domains
	ListStatistics   = 344 // statistics of all domains
)

// Counted is a route to the host that counts the requests sent through it.
type Counted struct {
	URI string

	mu  sync.Mutex
	all int
	of  map[uint32]int // by procedure; the main program only
}

// Calls returns how many requests have been sent.
func (c *Counted) Calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// CallsOf returns how many of the requests called that procedure.
func (c *Counted) CallsOf(procedure uint32) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[procedure]
}

// More returns the procedures that were called more often here than through another route, and how
// many times more.
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

// Count opens a route to the host that counts requests.
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
