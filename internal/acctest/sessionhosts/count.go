package sessionhosts

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
)

// Counted are routes to hosts that count the requests which are sent through them, but for those that
// open and close a connection.
type Counted struct {
	All []Host // the same hosts, by other URIs

	listeners []net.Listener
	mu        sync.Mutex
	calls     []map[uint32]int // by host and procedure
}

// Count opens routes to all hosts, until Close.
func (h *Hosts) Count() (*Counted, error) {
	c := &Counted{calls: make([]map[uint32]int, len(h.All))}
	for n, host := range h.All {
		socket := filepath.Join(filepath.Dir(filepath.Dir(host.Socket)), "counted")
		listener, err := net.Listen("unix", socket)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.listeners = append(c.listeners, listener)
		c.All = append(c.All, Host{Name: host.Name, Socket: socket, URI: sessionURI(socket)})
		c.calls[n] = map[uint32]int{}
		go c.serve(listener, host.Socket, n)
	}
	return c, nil
}

// Close ends the routes. Connections through them stay.
func (c *Counted) Close() {
	for _, listener := range c.listeners {
		_ = listener.Close()
	}
}

// Calls returns how many requests each host has been sent so far, by the number of the procedure.
func (c *Counted) Calls() []map[uint32]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]map[uint32]int, len(c.calls))
	for n, of := range c.calls {
		all[n] = maps.Clone(of)
	}
	return all
}

// Sum returns how many requests were made in all.
func Sum(calls map[uint32]int) (sum int) {
	for _, n := range calls {
		sum += n
	}
	return sum
}

func (c *Counted) count(host int, procedure uint32) {
	if slices.Contains(connecting, procedure) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[host][procedure]++
}

func (c *Counted) serve(listener net.Listener, socket string, n int) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return // it was closed
		}
		go func() {
			defer client.Close()
			host, err := net.Dial("unix", socket)
			if err != nil {
				return
			}
			defer host.Close()
			go func() {
				_, _ = io.Copy(client, host)
				_ = client.Close()
			}()
			_ = passCalls(host, client, func(procedure uint32) { c.count(n, procedure) })
		}()
	}
}

// The beginning of a packet of libvirt's protocol: numbers of four bytes, of which the first is the
// length of the whole, the fourth the procedure and the fifth its kind
// (https://libvirt.org/kbase/internals/rpc.html).
const (
	packetHead  = 5 * 4
	procedureAt = 3 * 4
	kindAt      = 4 * 4
	kindCall    = 0
)

// connecting are the procedures that open and close a connection: REMOTE_PROC_CONNECT_OPEN, CLOSE and
// AUTH_LIST in libvirt's src/remote/remote_protocol.x.
var connecting = []uint32{1, 2, 66}

// passCalls passes packets on, and calls count for each that is a request.
func passCalls(to io.Writer, from io.Reader, count func(procedure uint32)) error {
	head := make([]byte, packetHead)
	for {
		if _, err := io.ReadFull(from, head); err != nil {
			return err
		}
		length := int64(binary.BigEndian.Uint32(head))
		if length < packetHead {
			return errors.New("a packet is shorter than its head")
		}
		if binary.BigEndian.Uint32(head[kindAt:]) == kindCall {
			count(binary.BigEndian.Uint32(head[procedureAt:]))
		}
		if _, err := to.Write(head); err != nil {
			return err
		}
		if _, err := io.CopyN(to, from, length-packetHead); err != nil {
			return err
		}
	}
}
