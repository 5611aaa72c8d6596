package acctest

import (
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// packet is one whole message of libvirt's protocol. It has seven numbers of four bytes (length,
// program, version, procedure, kind, serial and status) and then the payload; see
// https://libvirt.org/kbase/internals/rpc.html.
type packet []byte

const packetHeader = 7 * 4

// Kinds of packets.
const (
	packetCall   = 0
	packetReply  = 1
	packetStream = 3
)

// packetOK is the status of a successful response, and of the last packet of a stream.
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

// relay is a route to the host on which a test sees every packet and can stop it.
type relay struct {
	uri    string
	front  string // the route's socket
	socket string // the host's own socket
	join   func(client net.Conn) tap

	mu     sync.Mutex
	broken bool
	links  map[net.Conn]bool
}

// verdict decides what happens to a packet.
type verdict int

const (
	goes verdict = iota
	held         // do not pass it on; the tap sends it later
	ends         // do not pass it on, and end the connection
)

// tap sees the packets of one connection.
type tap interface {
	asked(packet) verdict
	answered(packet) verdict
}

// sender is a tap that sends packets itself. wait returns when it has sent them all.
type sender interface {
	between(client, host net.Conn)
	wait()
}

// relay opens a route to the host. It calls join for each connection through it.
func (h *Host) relay(t testing.TB, join func(client net.Conn) tap) *relay {
	t.Helper()
	_, socket, found := strings.Cut(h.URI, "?socket=")
	if !found {
		t.Fatalf("the host's URI %s names no socket", h.URI)
	}
	front := filepath.Join(t.TempDir(), "s") // short, since the path of a socket has at most 107 bytes
	listener, err := net.Listen("unix", front)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &relay{
		uri: "qemu+unix:///system?socket=" + front, front: front, socket: socket, join: join,
		links: map[net.Conn]bool{},
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the listener was closed
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

// pass passes packets on until the sending side ends or see ends the connection.
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
		_, _ = to.Write(p) // if the receiving side is gone, the connection ends anyway
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

// breakOff closes all connections. While broken is set, nothing takes new ones, as on a host that is off.
func (r *relay) breakOff(broken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if away := r.front + "-"; broken && !r.broken {
		_ = os.Rename(r.front, away)
	} else if r.broken && !broken {
		_ = os.Rename(away, r.front)
	}
	r.broken = broken
	for client := range r.links {
		client.Close()
	}
}
