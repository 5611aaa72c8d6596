package virttest

import (
	"bytes"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// Relay stands between a client and libvirtd, so that tests can stop or hang the daemon. Without a
// daemon to forward to, it accepts connections and never answers.
type Relay struct {
	t        testing.TB
	listener net.Listener
	Path     string // the relay's socket
	Daemon   string // the daemon's socket
	Lacks    string // a driver's URI, such as "lxc:///system": the daemon is asked for one that no daemon has
	mu       sync.Mutex
	conns    []net.Conn
	accepted int
	silent   bool
	asked    []byte
}

// NewRelay returns a relay at a new socket, and its URI.
func NewRelay(t testing.TB, daemon string) (*Relay, string) {
	t.Helper()
	r := NewRelayAt(t, filepath.Join(t.TempDir(), "sock"), daemon)
	return r, "qemu+unix:///system?socket=" + r.Path
}

// NewRelayAt returns a relay at a given socket.
func NewRelayAt(t testing.TB, path, daemon string) *Relay {
	t.Helper()
	listener := must.Get[net.Listener](t)(net.Listen("unix", path))
	r := &Relay{t: t, listener: listener, Path: path, Daemon: daemon}
	t.Cleanup(r.GoAway)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			r.serve(c)
		}
	}()
	return r
}

func (r *Relay) serve(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted++
	r.conns = append(r.conns, c)
	if r.Daemon == "" {
		return
	}
	d, err := net.Dial("unix", r.Daemon)
	if err != nil {
		r.t.Error(err)
		return
	}
	r.conns = append(r.conns, d)
	pass := func(to, from net.Conn, note bool) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			r.mu.Lock()
			silent := r.silent
			if note {
				r.asked = append(r.asked, buffer[:max(n, 0)]...)
			}
			r.mu.Unlock()
			if err != nil {
				to.Close()
				return
			}
			data := buffer[:n]
			if note && r.Lacks != "" {
				data = bytes.ReplaceAll(data, []byte(r.Lacks), []byte("x"+r.Lacks[1:]))
			}
			if !silent {
				_, _ = to.Write(data)
			}
		}
	}
	go pass(d, c, true)
	go pass(c, d, false)
}

// Cut breaks all connections; new ones are accepted.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

// GoAway acts like a daemon that is stopped.
func (r *Relay) GoAway() {
	r.listener.Close()
	r.Cut()
}

// Hush makes the daemon silent, or lets it answer again.
func (r *Relay) Hush(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
}

// Connections returns how many connections the relay has accepted.
func (r *Relay) Connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// Asked returns everything that clients have sent to the daemon.
func (r *Relay) Asked() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.asked)
}
