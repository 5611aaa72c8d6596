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

// Moment says whether a fault happens before or after the host carries out a request.
type Moment string

// The moments.
const (
	Before Moment = "before" // the host does not receive the request
	After  Moment = "after"  // the host has carried it out, and the response is lost
)

// Fault is something that goes wrong once.
type Fault struct {
	At    int    // the request that fails, counted from 1
	When  Moment // before or after the host carries it out
	Of    string // count only requests of this name; "" for all
	Reads bool   // count all requests, not only those that change the host
	// Do causes the fault. Its argument is the number of the process that sent the request. When Do
	// returns, the connection is closed. With Late, the connection stays instead: other packets
	// pass while Do runs, and the request, or its response, is passed on after that.
	Do   func(process int)
	Late bool
}

// Faulty is a route to the host on which faults happen.
type Faulty struct {
	URI   string
	relay *relay

	mu    sync.Mutex
	fault Fault
	steps []string
	done  chan struct{} // nil before the fault starts; closed after it has ended
}

// Faulty opens a route to the host. No fault happens on it before Arm.
func (h *Host) Faulty(t testing.TB) *Faulty {
	t.Helper()
	f := &Faulty{}
	f.relay = h.relay(t, func(client net.Conn) tap { return &faultyLink{Faulty: f, client: client} })
	f.URI = f.relay.uri
	return f
}

// Arm sets the fault that happens next; the zero Fault is none. It restarts the count of requests.
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

// Steps returns the names of the requests counted since Arm, in order.
func (f *Faulty) Steps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.steps
}

// Done reports whether the fault has happened since Arm. If it is still happening, Done waits for
// its end.
func (f *Faulty) Done() bool {
	f.mu.Lock()
	done := f.done
	f.mu.Unlock()
	if done != nil {
		<-done
	}
	return done != nil
}

// Break closes all connections. No new one is accepted before Mend.
func (f *Faulty) Break() { f.relay.breakOff(true) }

// Mend accepts connections again.
func (f *Faulty) Mend() { f.relay.breakOff(false) }

// Kill kills a process as the kernel does when memory runs out. It can be the Do of a Fault.
func Kill(process int) {
	if process > 1 && process != os.Getpid() {
		_ = syscall.Kill(process, syscall.SIGKILL)
	}
}

// faultyLink is one connection of a Faulty.
type faultyLink struct {
	*Faulty
	client net.Conn

	mu      sync.Mutex
	waiting bool // for the response of this kind and serial
	kind    uint32
	serial  uint32

	host net.Conn
	late sync.WaitGroup // requests that are delayed on their way to the host, or that it is carrying out
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

// due counts a request, and reports whether the fault happens at it.
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

// strike causes the fault.
func (l *faultyLink) strike() {
	f, over := l.Faulty, make(chan struct{})
	f.mu.Lock()
	f.done = over
	do := f.fault.Do
	f.mu.Unlock()
	do(peer(l.client))
	close(over)
}

// peer returns the number of the process at the other end of a UNIX socket, or 0 if it is unknown.
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
