//go:build linux

package acctest

import (
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Moment is when something goes wrong with a request.
type Moment string

// Moments.
const (
	Before Moment = "before" // the host does not hear of it
	After  Moment = "after"  // the host has done it, and the response is lost
)

// Fault is something that goes wrong once.
type Fault struct {
	At    int    // at which request, counted from 1
	When  Moment //
	Of    string // only requests of this name are counted; "" for all
	Reads bool   // all requests are counted, and not only those that change the host
	// Do makes it go wrong. It is told the number of the process that has made the request. When it
	// returns, the connection is closed, unless the request is Late only: then it, or its answer, goes
	// on, and others do meanwhile.
	Do   func(process int)
	Late bool
}

// Faulty is a way to the host on which things go wrong.
type Faulty struct {
	URI   string
	relay *relay

	mu    sync.Mutex
	fault Fault
	steps []string
	done  chan struct{} // nil until it goes wrong, and closed when that is over
}

// Faulty opens a way to the host on which nothing goes wrong yet.
func (h *Host) Faulty(t testing.TB) *Faulty {
	t.Helper()
	f := &Faulty{}
	f.relay = h.relay(t, func(client net.Conn) tap { return &faultyLink{Faulty: f, client: client} })
	f.URI = f.relay.uri
	return f
}

// Arm sets what goes wrong from now on; the zero Fault for nothing. It restarts the count.
func (f *Faulty) Arm(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault, f.steps, f.done = fault, nil, nil
}

func (f *Faulty) armed() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault
}

// Steps names the counted requests since Arm, in their order.
func (f *Faulty) Steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// Done tells whether it went wrong since Arm, and waits until that is over.
func (f *Faulty) Done() bool {
	f.mu.Lock()
	done := f.done
	f.mu.Unlock()
	if done != nil {
		<-done
	}
	return done != nil
}

// Break cuts all connections; no new one is accepted before Mend.
func (f *Faulty) Break() { f.relay.breakOff(true) }

// Mend accepts connections again.
func (f *Faulty) Mend() { f.relay.breakOff(false) }

// Kill kills a process as the kernel does when memory runs out. It is the Do of a Fault.
func Kill(process int) {
	if process > 1 && process != os.Getpid() {
		_ = syscall.Kill(process, syscall.SIGKILL)
	}
}

// faultyLink is one connection.
type faultyLink struct {
	*Faulty
	client net.Conn

	mu      sync.Mutex
	waiting bool // for the answer to a packet of this kind and serial
	kind    uint32
	serial  uint32

	host net.Conn
	late sync.WaitGroup // requests that the host has yet to carry out
	owed map[uint32]bool
}

// between implements sender.
func (l *faultyLink) between(_, host net.Conn) { l.host = host }

// wait implements sender.
func (l *faultyLink) wait() { l.late.Wait() }

func (l *faultyLink) asked(p packet) verdict {
	if !l.due(p) {
		return goes
	}
	if fault := l.armed(); fault.When == Before && fault.Late {
		l.mu.Lock()
		l.owed = map[uint32]bool{p.serial(): true}
		l.mu.Unlock()
		l.late.Add(1)
		go func() {
			l.strike()
			_, _ = l.host.Write(p)
		}()
		return held
	} else if fault.When == Before {
		l.strike()
		return ends
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting, l.serial, l.kind = true, p.serial(), packetReply
	if p.kind() == packetStream {
		l.kind = packetStream
	}
	return goes
}

// due counts a request, and tells whether it is the one.
func (l *faultyLink) due(p packet) bool {
	f := l.Faulty
	f.mu.Lock()
	defer f.mu.Unlock()
	name, counted := change(p)
	if f.fault.Reads {
		counted = p.kind() == packetCall
		if name == "" && p.program() == remoteProgram {
			name = reads[p.procedure()]
		}
	}
	if !counted || f.fault.Of != "" && f.fault.Of != name {
		return false
	}
	f.steps = append(f.steps, name)
	return f.fault.Do != nil && len(f.steps) == f.fault.At
}

func (l *faultyLink) answered(p packet) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.kind() == packetReply && l.owed[p.serial()] {
		delete(l.owed, p.serial())
		l.late.Done()
	}
	if !l.waiting || p.serial() != l.serial || p.kind() != l.kind {
		return goes
	}
	l.waiting = false
	fault := l.armed()
	if !fault.Late {
		l.strike()
		return ends
	}
	go func() {
		l.strike()
		_, _ = l.client.Write(p)
	}()
	return held
}

// strike makes it go wrong.
func (l *faultyLink) strike() {
	f, over := l.Faulty, make(chan struct{})
	f.mu.Lock()
	f.done = over
	do := f.fault.Do
	f.mu.Unlock()
	do(peer(l.client))
	close(over)
}

// peer is the process at the other end of a UNIX socket; 0 if it is unknown.
func peer(conn net.Conn) int {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return 0
	}
	var pid int
	_ = raw.Control(func(fd uintptr) {
		if credentials, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(credentials.Pid)
		}
	})
	return pid
}
