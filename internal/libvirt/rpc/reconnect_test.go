package rpc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// All callers wait for a daemon that has answered before. If it stays away, not every caller waits
// again.
func TestADaemonThatComesBackIsWaitedFor(t *testing.T) {
	r, h := realRelay(t, Options{})
	must.Get[[]libvirt.Domain](t)(domains(t.Context(), h))
	r.GoAway()
	back := make(chan error, 1)
	asked := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		close(asked)
		_, err := domains(ctx, h)
		back <- err
	}()
	<-asked
	for h.presence.away() == 0 {
		time.Sleep(short / 30)
	}
	again := virttest.NewRelayAt(t, r.Path, r.Daemon)
	if err := <-back; err != nil {
		t.Errorf("the daemon is back: %v", err)
	}
	must.Get[*Conn](t)(h.Alone(t.Context(), "asking", "test")).Close()

	h.presence.patience, h.presence.briefly = short, short
	again.GoAway()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := domains(cancelled, h)
	virttest.WantErr(t, err, context.Canceled)
	_, err = domains(t.Context(), h)
	virttest.WantErr(t, err, host.ErrUnreachable)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, err = h.Alone(ctx, "asking", "test")
	virttest.WantErr(t, err, host.ErrUnreachable)
	if ctx.Err() != nil {
		t.Error("a daemon that stays away is waited for without end")
	}
}

// All callers share the time for which a host is waited for; callers with a deadline wait longer.
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
	want("before the host has answered", host.ErrUnreachable, false, false)
	want("once it has answered", nil, false, false)
	want("when it was just lost", host.ErrUnreachable, true, true)
	want("where its key is another one", fmt.Errorf("%w: %w", host.ErrUnreachable, &dial.HostKeyError{}), false, false)
	want("of another error", context.Canceled, false, false)
	p.since = p.since.Add(-brieflyFor)
	want("after a while", host.ErrUnreachable, false, true)
	p.since = p.since.Add(-awayFor)
	want("after a long time", host.ErrUnreachable, false, false)
	want("when it is back", nil, false, false)
	want("when it was lost again", host.ErrUnreachable, true, true)
}

// Callers without a deadline that come one after the other do not keep a hung connection open.
func TestAHungConnectionIsGivenUpUnderManyCallers(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: longer})
	must.Get[[]libvirt.Domain](t)(domains(patient(t), h))
	r.Hush(true)
	first := make(chan error, 1)
	go func() { _, err := domains(t.Context(), h); first <- err }()
	time.AfterFunc(longer/2, func() { _, _ = domains(t.Context(), h) })
	virttest.WantErr(t, <-first, host.ErrUnreachable)
	r.Hush(false)
	must.Get[[]libvirt.Domain](t)(domains(patient(t), h))
}
