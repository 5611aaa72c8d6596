package acctest

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/netns"
)

// pingEvery is the pause between two questions of a Pinger.
const pingEvery = 20 * time.Millisecond

// Pinger asks an address over and over whether it is there, as ping does.
type Pinger struct {
	conn   net.PacketConn
	stop   chan struct{}
	ended  sync.WaitGroup
	first  chan struct{} // closed at the first answer
	mu     sync.Mutex
	asked  []time.Time
	missed map[uint16]bool // without an answer so far
}

// Ping pings an address from the host until Stop, and waits for the first answer.
func (h *Host) Ping(t testing.TB, address string) *Pinger {
	t.Helper()
	p := &Pinger{stop: make(chan struct{}), first: make(chan struct{}), missed: map[uint16]bool{}}
	if err := netns.Do("/run/netns/novacron-"+h.name, func() (err error) {
		p.conn, err = net.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	to := &net.IPAddr{IP: net.ParseIP(address)}
	p.ended.Go(func() { p.ask(to) })
	p.ended.Go(func() { p.listen(to) })
	select {
	case <-p.first:
	case <-time.After(time.Minute):
		t.Errorf("%s does not answer host %s", address, h.name)
	}
	return p
}

// The types of messages, and where their parts are (RFC 792).
const (
	echoRequest, echoReply           = 8, 0
	checksumAt, sequenceAt, echoSize = 2, 6, 8
)

func (p *Pinger) ask(to net.Addr) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for n := uint16(0); ; n++ {
		message := make([]byte, echoSize)
		message[0] = echoRequest
		binary.BigEndian.PutUint16(message[sequenceAt:], n)
		binary.BigEndian.PutUint16(message[checksumAt:], ^(echoRequest<<8 + n))
		p.mu.Lock()
		p.asked, p.missed[n] = append(p.asked, time.Now()), true
		p.mu.Unlock()
		_, _ = p.conn.WriteTo(message, to) // if it is lost, there is no answer
		select {
		case <-tick.C:
		case <-p.stop:
			return
		}
	}
}

func (p *Pinger) listen(to *net.IPAddr) {
	message := make([]byte, 64)
	for heard := false; ; {
		n, from, err := p.conn.ReadFrom(message)
		if err != nil { // it is closed
			return
		}
		if ip, is := from.(*net.IPAddr); !is || n < echoSize || message[0] != echoReply || !ip.IP.Equal(to.IP) {
			continue
		}
		p.mu.Lock()
		delete(p.missed, binary.BigEndian.Uint16(message[sequenceAt:]))
		p.mu.Unlock()
		if !heard {
			heard = true
			close(p.first)
		}
	}
}

// Stop ends the pings. It returns how many there were since the first answer, how many of them got no answer
// within a second, and the longest time without an answer.
func (p *Pinger) Stop() (asked, lost int, gap time.Duration) {
	time.Sleep(time.Second)
	close(p.stop)
	time.Sleep(time.Second) // for the last answers
	p.conn.Close()
	p.ended.Wait()
	var since time.Time
	for n, at := range p.asked {
		switch {
		case !p.missed[uint16(n)]:
			asked, since = asked+1, time.Time{}
			continue
		case asked == 0: // the guest was not there yet
			continue
		case since.IsZero():
			since = at
		}
		asked, lost, gap = asked+1, lost+1, max(gap, at.Sub(since)+pingEvery)
	}
	return asked, lost, gap
}
