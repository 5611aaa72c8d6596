package acctest

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// packet is one message of libvirt's protocol, whole: seven numbers of four bytes, its length,
// program, version, procedure, kind, serial and status, and then what it says
// (https://libvirt.org/kbase/internals/rpc.html).
type packet []byte

const packetHeader = 7 * 4

// Kinds of packets.
const (
	packetCall   = 0
	packetReply  = 1
	packetStream = 3
)

// packetOK is the status of an answer that is no error, and of a stream's last packet.
const packetOK = 0

func (p packet) number(n int) uint32 { return binary.BigEndian.Uint32(p[4*n:]) }
func (p packet) program() uint32     { return p.number(1) }
func (p packet) procedure() uint32   { return p.number(3) }
func (p packet) kind() uint32        { return p.number(4) }
func (p packet) serial() uint32      { return p.number(5) }
func (p packet) status() uint32      { return p.number(6) }

func readPacket(r io.Reader) (packet, error) {
	head := make(packet, packetHeader)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	p := make(packet, max(packetHeader, int(head.number(0))))
	copy(p, head)
	_, err := io.ReadFull(r, p[packetHeader:])
	return p, err
}

// relay is a way to the host on which every packet can be seen, and stopped.
type relay struct {
	uri    string
	socket string // the host's own
	join   func(client net.Conn) tap

	mu     sync.Mutex
	broken bool
	links  map[net.Conn]bool
}

// verdict is what becomes of a packet.
type verdict int

const (
	goes verdict = iota
	held         // it does not go on for now; the tap sends it itself
	ends         // it does not go on, and the connection ends
)

// tap sees the packets of one connection.
type tap interface {
	asked(packet) verdict
	answered(packet) verdict
}

// sender is a tap that sends packets itself. wait waits until it has.
type sender interface {
	between(client, host net.Conn)
	wait()
}

// relay opens a way to the host; join is called for each connection that is made on it.
func (h *Host) relay(t testing.TB, join func(client net.Conn) tap) *relay {
	t.Helper()
	_, socket, found := strings.Cut(h.URI, "?socket=")
	if !found {
		t.Fatalf("the host's URI %s names no socket", h.URI)
	}
	front := filepath.Join(t.TempDir(), "s") // a socket's path may have 107 bytes
	listener, err := net.Listen("unix", front)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &relay{uri: "qemu+unix:///system?socket=" + front, socket: socket, join: join, links: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go r.serve(conn)
		}
	}()
	return r
}

func (r *relay) serve(client net.Conn) {
	defer client.Close()
	host, err := net.Dial("unix", r.socket)
	if err != nil {
		return
	}
	defer host.Close()
	if !r.enter(client) {
		return
	}
	defer r.leave(client)
	tap := r.join(client)
	if s, ok := tap.(sender); ok {
		s.between(client, host)
		defer s.wait()
	}
	go func() {
		defer client.Close()
		pass(client, host, tap.answered)
	}()
	pass(host, client, tap.asked)
}

// pass passes packets on until their sender ends, or one is not let pass.
func pass(to io.Writer, from io.Reader, see func(packet) verdict) {
	for {
		p, err := readPacket(from)
		if err != nil {
			return
		}
		switch see(p) {
		case ends:
			return
		case held:
			continue
		}
		_, _ = to.Write(p) // one that is gone ends the connection by itself
	}
}

func (r *relay) enter(client net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[client] = true
	return !r.broken
}

func (r *relay) leave(client net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.links, client)
}

// breakOff cuts all connections; whether new ones can be made from then on, broken says.
func (r *relay) breakOff(broken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = broken
	for client := range r.links {
		client.Close()
	}
}
