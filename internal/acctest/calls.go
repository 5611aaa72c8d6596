package acctest

import (
	"net"
	"sync/atomic"
	"testing"
)

// Counted is a way to the host that counts the requests that are made on it.
type Counted struct {
	URI   string
	calls atomic.Int64
}

// Calls is how many requests have been made.
func (c *Counted) Calls() int64 { return c.calls.Load() }

// Count opens a way to the host that counts.
func (h *Host) Count(t testing.TB) *Counted {
	t.Helper()
	c := &Counted{}
	c.URI = h.relay(t, func(net.Conn) tap { return c }).uri
	return c
}

func (c *Counted) asked(p packet) bool {
	if p.kind() == packetCall {
		c.calls.Add(1)
	}
	return true
}

func (c *Counted) answered(packet) bool { return true }
