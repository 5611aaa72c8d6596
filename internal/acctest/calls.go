package acctest

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
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
	c := &Counted{URI: "qemu+unix:///system?socket=" + front}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go c.serve(conn, socket)
		}
	}()
	return c
}

// serve passes everything on. Requests are packets: their length and six more numbers of four bytes, of which the fourth
// is their kind, 0 for a call (https://libvirt.org/kbase/internals/rpc.html).
func (c *Counted) serve(conn net.Conn, socket string) {
	defer conn.Close()
	host, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer host.Close()
	go func() {
		_, _ = io.Copy(conn, host) // until one of the two ends
		conn.Close()
	}()
	const header = 7 * 4
	head := make([]byte, header)
	for {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		if binary.BigEndian.Uint32(head[4*4:]) == 0 {
			c.calls.Add(1)
		}
		if _, err := host.Write(head); err != nil {
			return
		}
		if _, err := io.CopyN(host, conn, int64(binary.BigEndian.Uint32(head))-header); err != nil {
			return
		}
	}
}
