package hypervisor

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// relay stands between a Host and libvirtd, so that tests can make the daemon go
// away and hang. Without a daemon to pass things on to, it accepts and never
// answers.
type relay struct {
	t        testing.TB
	listener net.Listener
	path     string
	daemon   string
	mu       sync.Mutex
	conns    []net.Conn
	accepted int
	silent   bool
}

func newRelay(t testing.TB, daemon string) (*relay, string) {
	t.Helper()
	r := newRelayAt(t, filepath.Join(t.TempDir(), "sock"), daemon)
	return r, "qemu+unix:///system?socket=" + r.path
}

func newRelayAt(t testing.TB, path, daemon string) *relay {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("unix", path))
	r := &relay{t: t, listener: listener, path: path, daemon: daemon}
	t.Cleanup(r.goAway)
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

func (r *relay) serve(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted++
	r.conns = append(r.conns, c)
	if r.daemon == "" {
		return
	}
	d, err := net.Dial("unix", r.daemon)
	if err != nil {
		r.t.Error(err)
		return
	}
	r.conns = append(r.conns, d)
	pass := func(to, from net.Conn) {
		buffer := make([]byte, 64<<10)
		for {
			n, err := from.Read(buffer)
			r.mu.Lock()
			silent := r.silent
			r.mu.Unlock()
			if err != nil {
				to.Close()
				return
			}
			if !silent {
				_, _ = to.Write(buffer[:n])
			}
		}
	}
	go pass(d, c)
	go pass(c, d)
}

// cut breaks all connections; new ones are accepted.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
	r.conns = nil
}

// goAway is what a daemon does that is stopped.
func (r *relay) goAway() {
	r.listener.Close()
	r.cut()
}

func (r *relay) hush(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
}

func (r *relay) connections() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// daemonSocket is the socket of the test host's libvirtd.
func daemonSocket(t testing.TB) string {
	t.Helper()
	return must[*url.URL](t)(url.Parse(realHost(t).URI())).Query().Get("socket")
}

// realRelay returns a relay to the test host and a Host that uses it.
func realRelay(t testing.TB, o Options) (*relay, *Host) {
	t.Helper()
	r, uri := newRelay(t, daemonSocket(t))
	o.URI = uri
	return r, newHost(t, o)
}

const short = 300 * time.Millisecond

// longer is a limit for what hangs among requests that a busy machine answers as well.
const longer = 3 * time.Second

func TestNobodyListens(t *testing.T) {
	h := newHost(t, Options{URI: "qemu+unix:///system?socket=" + filepath.Join(t.TempDir(), "none")})
	_, err := h.Info(t.Context())
	wantErr(t, err, virterr.ErrUnreachable)
	if !strings.Contains(err.Error(), "is libvirtd running?") {
		t.Errorf("%v does not say what to look at", err)
	}
	_, err = h.OpenTransfer(t.Context())
	wantErr(t, err, virterr.ErrUnreachable)
	if h.Calls() != 0 {
		t.Errorf("%d requests were counted, none was made", h.Calls())
	}
}

func TestADaemonThatNeverAnswers(t *testing.T) {
	_, uri := newRelay(t, "")
	h := newHost(t, Options{URI: uri, CallTimeout: short})
	begun := time.Now()
	_, err := h.Domains(t.Context())
	wantErr(t, err, virterr.ErrUnreachable)
	wantErr(t, err, context.DeadlineExceeded)

	patient := newHost(t, Options{URI: uri, DialTimeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	_, err = patient.Domains(ctx)
	wantErr(t, err, context.DeadlineExceeded)
	_, err = patient.OpenTransfer(ctx)
	wantErr(t, err, context.DeadlineExceeded)
	if took := time.Since(begun); took > 20*short {
		t.Errorf("it took %s to give up twice after %s", took, short)
	}
}

func TestAfterCloseNothingWorks(t *testing.T) {
	_, uri := newRelay(t, "")
	h := newHost(t, Options{URI: uri})
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Error(err)
	}
	_, err := h.Domains(t.Context())
	wantErr(t, err, errHostClosed)
}

func TestManyCallersShareOneConnection(t *testing.T) {
	r, h := realRelay(t, Options{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := h.Domains(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if r.connections() != 1 || h.Calls() != 50 {
		t.Errorf("%d connections and %d requests, want 1 and 50", r.connections(), h.Calls())
	}
}

// during makes a request and does something while it is on its way.
func during(ctx context.Context, h *Host, readonly bool, first func()) (tries int, err error) {
	err = h.call(ctx, "asking", "test", readonly, func(l *libvirt.Libvirt) error {
		if tries++; tries == 1 {
			first()
		}
		_, err := l.ConnectGetHostname()
		return err
	})
	return tries, err
}

func TestALostConnectionIsOpenedAgain(t *testing.T) {
	r, h := realRelay(t, Options{})
	must[[]DomainRef](t)(h.Domains(t.Context()))

	if tries, err := during(t.Context(), h, true, r.cut); err != nil || tries != 2 {
		t.Errorf("a request that only reads was made %d times: %v", tries, err)
	}
	tries, err := during(t.Context(), h, false, r.cut)
	wantErr(t, err, virterr.ErrUnreachable)
	if tries != 1 {
		t.Errorf("a request that changes something was made %d times", tries)
	}
	if tries, err := during(t.Context(), h, false, func() {}); err != nil || tries != 1 {
		t.Errorf("afterwards: %d, %v", tries, err)
	}
	if r.connections() != 3 {
		t.Errorf("%d connections, want 3", r.connections())
	}

	h.presence.briefly = 0
	r.goAway()
	tries, err = during(t.Context(), h, true, func() {})
	wantErr(t, err, virterr.ErrUnreachable)
	if tries > 1 {
		t.Errorf("it was made %d times on connections that cannot be", tries)
	}
}

func TestAHungConnectionIsGivenUp(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: longer})
	must[[]DomainRef](t)(h.Domains(t.Context()))
	_, err := during(t.Context(), h, true, func() { r.hush(true) })
	wantErr(t, err, virterr.ErrUnreachable)
	wantErr(t, err, context.DeadlineExceeded)
	r.hush(false)
	must[[]DomainRef](t)(h.Domains(t.Context()))
	if r.connections() != 2 {
		t.Errorf("%d connections, want another one after the hung one", r.connections())
	}
}

// A host that is slow has all of its caller's time, however little one request has by itself.
func TestASlowHostHasItsCallersTime(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: short})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r.hush(true)
	go func() { // the daemon begins to answer once one connection was given up
		for r.connections() < 2 && ctx.Err() == nil {
			time.Sleep(short / 30)
		}
		r.hush(false)
	}()
	must[[]DomainRef](t)(h.Domains(ctx))
	connections := r.connections()

	slow := func(l *libvirt.Libvirt) error {
		time.Sleep(3 * short)
		_, err := l.ConnectGetHostname()
		return err
	}
	for _, readonly := range []bool{true, false} {
		if err := h.call(ctx, "asking", "test", readonly, slow); err != nil {
			t.Errorf("a slow answer, in time for the caller: %v", err)
		}
		err := h.call(t.Context(), "asking", "test", readonly, func(l *libvirt.Libvirt) error {
			err := slow(l)
			return err
		})
		wantErr(t, err, virterr.ErrNoAnswer)
	}
	must[[]DomainRef](t)(h.Domains(ctx))
	hurried, stop := context.WithTimeout(t.Context(), short)
	defer stop()
	err := h.call(hurried, "asking", "test", false, slow)
	wantErr(t, err, virterr.ErrNoAnswer)
	wantErr(t, err, context.DeadlineExceeded)
	t.Logf("%d connections at first, %d in the end: %v", connections, r.connections(), err)
}

// Who gives up on a slow host does not take its connection from those who wait on.
func TestWhoWaitsKeepsTheConnection(t *testing.T) {
	_, h := realRelay(t, Options{CallTimeout: short})
	must[[]DomainRef](t)(h.Domains(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answered := make(chan error, 1)
	waits, goOn := make(chan struct{}), make(chan struct{})
	go func() {
		answered <- h.call(ctx, "asking", "test", false, func(l *libvirt.Libvirt) error {
			close(waits)
			<-goOn
			_, err := l.ConnectGetHostname()
			return err
		})
	}()
	<-waits
	err := h.call(t.Context(), "asking", "test", false, func(*libvirt.Libvirt) error { <-goOn; return nil })
	wantErr(t, err, virterr.ErrNoAnswer)
	close(goOn)
	if err := <-answered; err != nil {
		t.Errorf("who waited on was told: %v", err)
	}
}

// What must not be cut off outlives a cancel, and not its caller's time.
func TestAWholeRequestOutlivesACancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	whole := Whole(ctx)
	if err := whole.Err(); err != nil {
		t.Errorf("after a cancel: %v", err)
	}
	if a, bounded := whole.Deadline(); !bounded || time.Until(a) > time.Hour {
		t.Errorf("it has until %s", a)
	}
	over, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	if err := Whole(over).Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without any time left: %v", err)
	}
}

func TestACancelledCallHarmsNobodyElse(t *testing.T) {
	r, h := realRelay(t, Options{})
	must[[]DomainRef](t)(h.Domains(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	finished := make(chan error)
	err := h.call(ctx, "asking", "test", false, func(l *libvirt.Libvirt) error {
		cancel()
		<-release
		_, err := l.ConnectGetHostname()
		finished <- err
		return err
	})
	wantErr(t, err, context.Canceled)
	if errors.Is(err, virterr.ErrUnreachable) {
		t.Errorf("%v blames the host", err)
	}
	must[[]DomainRef](t)(h.Domains(t.Context()))
	close(release)
	if err := <-finished; err != nil {
		t.Errorf("the request that was given up did not end by itself: %v", err)
	}
	if r.connections() != 1 {
		t.Errorf("%d connections, want 1", r.connections())
	}
}

func TestTransfersNoticeALostDaemon(t *testing.T) {
	h, pool, _ := realPool(t)
	must[Volume](t)(h.CreateVolume(t.Context(), pool, VolumeSpec{Name: "disk", Format: "raw", Capacity: 64 << 20}))
	r, relayed := realRelay(t, Options{CallTimeout: longer})
	for name, disturb := range map[string]func(){"cut": r.cut, "silent": func() { r.hush(true) }} {
		r.hush(false)
		up := must[*Transfer](t)(relayed.OpenTransfer(t.Context()))
		source := io.MultiReader(strings.NewReader("x"), readerFunc(func(p []byte) (int, error) { disturb(); return len(p), nil }))
		err := up.Upload(t.Context(), pool, "disk", source, 0, 64<<20)
		wantErr(t, err, virterr.ErrUnreachable)
		up.Close()
		t.Log(name, err)

		r.hush(false)
		down := must[*Transfer](t)(relayed.OpenTransfer(t.Context()))
		sink := writerFunc(func(p []byte) (int, error) { disturb(); return len(p), nil })
		err = down.Download(t.Context(), pool, "disk", sink, 0, 0)
		wantErr(t, err, virterr.ErrUnreachable)
		down.Close()
		t.Log(name, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
