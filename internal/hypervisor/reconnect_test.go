package hypervisor

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// A daemon that has answered before is waited for, by all who need it, and one that stays away is not waited for by each of them.
func TestADaemonThatComesBackIsWaitedFor(t *testing.T) {
	r, h := realRelay(t, Options{})
	must[[]DomainRef](t)(h.Domains(t.Context()))
	r.goAway()
	back := make(chan error, 1)
	asked := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		close(asked)
		_, err := h.Domains(ctx)
		back <- err
	}()
	<-asked
	for h.presence.away() == 0 {
		time.Sleep(short / 30)
	}
	again := newRelayAt(t, r.path, r.daemon)
	if err := <-back; err != nil {
		t.Errorf("the daemon is back: %v", err)
	}
	must[*Transfer](t)(h.OpenTransfer(t.Context())).Close()

	h.presence.patience, h.presence.briefly = short, short
	again.goAway()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Domains(cancelled)
	wantErr(t, err, context.Canceled)
	_, err = h.Domains(t.Context())
	wantErr(t, err, virterr.ErrUnreachable)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, err = h.OpenTransfer(ctx)
	wantErr(t, err, virterr.ErrUnreachable)
	if ctx.Err() != nil {
		t.Error("a daemon that stays away is waited for without end")
	}
}

// All callers share the time for which a host is waited for; those that have time of their own wait for longer.
func TestAHostThatIsAwayIsWaitedForOnce(t *testing.T) {
	p := presence{patience: awayFor, briefly: brieflyFor}
	want := func(when string, err error, briefly, bounded bool) {
		t.Helper()
		if got := p.note(err, false); got != briefly {
			t.Errorf("%s, a caller without time of its own waits: %t", when, got)
		}
		if got := p.note(err, true); got != bounded {
			t.Errorf("%s, a caller with time of its own waits: %t", when, got)
		}
	}
	want("before the host has answered", virterr.ErrUnreachable, false, false)
	want("once it has answered", nil, false, false)
	want("when it was just lost", virterr.ErrUnreachable, true, true)
	want("where its key is another one", fmt.Errorf("%w: %w", virterr.ErrUnreachable, &dial.HostKeyError{}), false, false)
	want("of another error", context.Canceled, false, false)
	p.since = p.since.Add(-brieflyFor)
	want("after a while", virterr.ErrUnreachable, false, true)
	p.since = p.since.Add(-awayFor)
	want("after a long time", virterr.ErrUnreachable, false, false)
	want("when it is back", nil, false, false)
	want("when it was lost again", virterr.ErrUnreachable, true, true)
}

// Callers that set no time, and come one after the other, do not keep a hung connection.
func TestAHungConnectionIsGivenUpUnderManyCallers(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: longer})
	must[[]DomainRef](t)(h.Domains(t.Context()))
	r.hush(true)
	first := make(chan error, 1)
	go func() { _, err := h.Domains(t.Context()); first <- err }()
	time.AfterFunc(longer/2, func() { _, _ = h.Domains(t.Context()) })
	wantErr(t, <-first, virterr.ErrUnreachable)
	r.hush(false)
	must[[]DomainRef](t)(h.Domains(t.Context()))
}
