package hypervisor

import (
	"context"
	"testing"
	"time"
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

	h.presence.patience, h.presence.briefly = longer, short
	again.goAway()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Domains(cancelled)
	wantErr(t, err, context.Canceled)
	_, err = h.Domains(t.Context())
	wantErr(t, err, ErrUnreachable)
	_, err = h.OpenTransfer(t.Context())
	wantErr(t, err, ErrUnreachable)
	if away := h.presence.away(); away > longer {
		t.Errorf("callers without time of their own have waited for %s", away)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, err = h.Domains(ctx)
	wantErr(t, err, ErrUnreachable)
	if away := h.presence.away(); away < longer || ctx.Err() != nil {
		t.Errorf("it was given up after %s", away)
	}
}

// Callers that set no time, and come one after the other, do not keep a hung connection.
func TestAHungConnectionIsGivenUpUnderManyCallers(t *testing.T) {
	r, h := realRelay(t, Options{CallTimeout: longer})
	must[[]DomainRef](t)(h.Domains(t.Context()))
	r.hush(true)
	first := make(chan error, 1)
	go func() { _, err := h.Domains(t.Context()); first <- err }()
	time.AfterFunc(longer/2, func() { _, _ = h.Domains(t.Context()) })
	wantErr(t, <-first, ErrUnreachable)
	r.hush(false)
	must[[]DomainRef](t)(h.Domains(t.Context()))
}
