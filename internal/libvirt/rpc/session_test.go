package rpc

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// client returns a client of the daemon at a URI.
func client(t testing.TB, uri string, o Options) *Client {
	t.Helper()
	c := New(must.Get[dial.Target](t)(dial.Parse(uri)), o)
	t.Cleanup(c.Close)
	return c
}

// realRelay returns a relay to the test host and a client that uses it.
func realRelay(t testing.TB, o Options) (*virttest.Relay, *Client) {
	t.Helper()
	r, uri := virttest.NewRelay(t, virttest.Socket(t))
	return r, client(t, uri, o)
}

// domains makes an ordinary request.
func domains(ctx context.Context, c *Client) ([]libvirt.Domain, error) {
	return Ask(ctx, c, "listing", "domains", func(l *libvirt.Libvirt) ([]libvirt.Domain, error) {
		refs, _, err := l.ConnectListAllDomains(1, 0)
		return refs, err
	})
}

// patient is enough time for a busy machine: if the first answer comes too late, the caller tries
// again.
func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

const short = 300 * time.Millisecond

// longer is a limit for requests that hang, while a busy machine still answers others within it.
const longer = 3 * time.Second

func TestNobodyListens(t *testing.T) {
	h := client(t, "qemu+unix:///system?socket="+filepath.Join(t.TempDir(), "none"), Options{})
	_, err := domains(t.Context(), h)
	virttest.WantErr(t, err, host.ErrUnreachable)
	if !strings.Contains(err.Error(), "is libvirtd running?") {
		t.Errorf("%v does not say what to look at", err)
	}
	_, err = h.Alone(t.Context(), "asking", "test")
	virttest.WantErr(t, err, host.ErrUnreachable)
	if h.Calls() != 0 {
		t.Errorf("%d requests were counted, none was made", h.Calls())
	}
}

func TestADaemonThatNeverAnswers(t *testing.T) {
	_, uri := virttest.NewRelay(t, "")
	h := client(t, uri, Options{CallTimeout: short})
	begun := time.Now()
	_, err := domains(t.Context(), h)
	virttest.WantErr(t, err, host.ErrUnreachable)
	virttest.WantErr(t, err, context.DeadlineExceeded)

	patient := client(t, uri, Options{DialTimeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	_, err = domains(ctx, patient)
	virttest.WantErr(t, err, context.DeadlineExceeded)
	_, err = patient.Alone(ctx, "asking", "test")
	virttest.WantErr(t, err, context.DeadlineExceeded)
	if took := time.Since(begun); took > 20*short {
		t.Errorf("it took %s to give up twice after %s", took, short)
	}
}

func TestAfterCloseNothingWorks(t *testing.T) {
	_, uri := virttest.NewRelay(t, "")
	h := client(t, uri, Options{})
	h.Close()
	h.Close()
	_, err := domains(t.Context(), h)
	virttest.WantErr(t, err, errClosed)
}

func TestManyCallersShareOneConnection(t *testing.T) {
	r, h := realRelay(t, Options{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := domains(t.Context(), h); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if r.Connections() != 1 || h.Calls() != 50 {
		t.Errorf("%d connections and %d requests, want 1 and 50", r.Connections(), h.Calls())
	}
}

// during makes a request and runs first while the request is on its way.
func during(ctx context.Context, h *Client, readonly bool, first func()) (tries int, err error) {
	err = h.Call(ctx, "asking", "test", readonly, func(l *libvirt.Libvirt) error {
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
	must.Get[[]libvirt.Domain](t)(domains(t.Context(), h))

	if tries, err := during(t.Context(), h, true, r.Cut); err != nil || tries != 2 {
		t.Errorf("a request that only reads was made %d times: %v", tries, err)
	}
	tries, err := during(t.Context(), h, false, r.Cut)
	virttest.WantErr(t, err, host.ErrUnreachable)
	if tries != 1 {
		t.Errorf("a request that changes something was made %d times", tries)
	}
	if tries, err := during(t.Context(), h, false, func() {}); err != nil || tries != 1 {
		t.Errorf("afterwards: %d, %v", tries, err)
	}
	if r.Connections() != 3 {
		t.Errorf("%d connections, want 3", r.Connections())
	}

	h.presence.briefly = 0
	r.GoAway()
	tries, err = during(t.Context(), h, true, func() {})
	virttest.WantErr(t, err, host.ErrUnreachable)
	if tries > 1 {
		t.Errorf("it was made %d times on connections that cannot be", tries)
	}
}

func TestAHungConnectionIsGivenUp(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: longer})
	must.Get[[]libvirt.Domain](t)(domains(patient(t), h))
	before := r.Connections()
	_, err := during(t.Context(), h, true, func() { r.Hush(true) })
	virttest.WantErr(t, err, host.ErrUnreachable)
	virttest.WantErr(t, err, context.DeadlineExceeded)
	r.Hush(false)
	must.Get[[]libvirt.Domain](t)(domains(patient(t), h))
	if r.Connections() <= before {
		t.Errorf("%d connections, as before: want another one after the hung one", before)
	}
}

// A slow host gets all of its caller's time, however short the limit of one request is.
func TestASlowHostHasItsCallersTime(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: short})
	ctx := patient(t)
	r.Hush(true)
	go func() { // the daemon begins to answer once the client has given up one connection
		for r.Connections() < 2 && ctx.Err() == nil {
			time.Sleep(short / 30)
		}
		r.Hush(false)
	}()
	must.Get[[]libvirt.Domain](t)(domains(ctx, h))
	connections := r.Connections()

	slow := func(l *libvirt.Libvirt) error {
		time.Sleep(3 * short)
		_, err := l.ConnectGetHostname()
		return err
	}
	for _, readonly := range []bool{true, false} {
		if err := h.Call(ctx, "asking", "test", readonly, slow); err != nil {
			t.Errorf("a slow answer, in time for the caller: %v", err)
		}
		err := h.Call(t.Context(), "asking", "test", readonly, func(l *libvirt.Libvirt) error {
			err := slow(l)
			return err
		})
		virttest.WantErr(t, err, host.ErrNoAnswer)
	}
	must.Get[[]libvirt.Domain](t)(domains(ctx, h))
	hurried, stop := context.WithTimeout(t.Context(), short)
	defer stop()
	err := h.Call(hurried, "asking", "test", false, slow)
	virttest.WantErr(t, err, host.ErrNoAnswer)
	virttest.WantErr(t, err, context.DeadlineExceeded)
	t.Logf("%d connections at first, %d in the end: %v", connections, r.Connections(), err)
}

// A caller that gives up on a slow host does not close the connection for callers that still wait:
// those with a deadline, and those whose request may take longer.
func TestWhoWaitsKeepsTheConnection(t *testing.T) {
	for name, limit := range map[string]time.Duration{"deadline": 0, "limit": time.Minute} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if limit == 0 {
				ctx = patient(t)
			}
			_, h := realRelay(t, Options{CallTimeout: short})
			must.Get[[]libvirt.Domain](t)(domains(patient(t), h))
			answered := make(chan error, 1)
			waits, goOn := make(chan struct{}), make(chan struct{})
			go func() {
				r := Request{Op: "asking", Object: "test", Limit: limit}
				answered <- h.Control.Call(ctx, r, func(l *libvirt.Libvirt) error {
					close(waits)
					<-goOn
					_, err := l.ConnectGetHostname()
					return err
				})
			}()
			<-waits
			err := h.Call(t.Context(), "asking", "test", false, func(*libvirt.Libvirt) error { <-goOn; return nil })
			virttest.WantErr(t, err, host.ErrNoAnswer)
			close(goOn)
			if err := <-answered; err != nil {
				t.Errorf("who waited on was told: %v", err)
			}
		})
	}
}

func TestACancelledCallHarmsNobodyElse(t *testing.T) {
	r, h := realRelay(t, Options{})
	must.Get[[]libvirt.Domain](t)(domains(t.Context(), h))
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	finished := make(chan error)
	err := h.Call(ctx, "asking", "test", false, func(l *libvirt.Libvirt) error {
		cancel()
		<-release
		_, err := l.ConnectGetHostname()
		finished <- err
		return err
	})
	virttest.WantErr(t, err, context.Canceled)
	if errors.Is(err, host.ErrUnreachable) {
		t.Errorf("%v blames the host", err)
	}
	must.Get[[]libvirt.Domain](t)(domains(t.Context(), h))
	close(release)
	if err := <-finished; err != nil {
		t.Errorf("the request that was given up did not end by itself: %v", err)
	}
	if r.Connections() != 1 {
		t.Errorf("%d connections, want 1", r.Connections())
	}
}
