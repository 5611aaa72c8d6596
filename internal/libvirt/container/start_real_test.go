package container_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	golibvirt "github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// Containers that start at once all run, although libvirt lets them take each other's loop devices.
func TestRealTwentyStartAtOnce(t *testing.T) {
	s := open(t)
	var all []host.Domain
	for range 20 {
		all = append(all, s.defined(s.spec()))
	}
	begun := time.Now()
	var starts sync.WaitGroup
	for _, d := range all {
		starts.Go(func() {
			if err := s.StartDomain(t.Context(), d.UUID); err != nil {
				t.Error(err)
			}
		})
	}
	starts.Wait()
	t.Logf("20 started in %s", time.Since(begun))
	for _, d := range all {
		s.becomes(d.UUID, host.StateRunning)
	}
}

// The states of all containers come from lists. One that is paused resumes, and one whose definition is
// removed runs until it ends.
func TestRealStatesAreListed(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	off, paused, runs := s.defined(s.spec()), s.started(s.spec()), s.started(s.spec())
	s.done(s.onRaw(paused, func(l *golibvirt.Libvirt, ref golibvirt.Domain) error { return l.DomainSuspend(ref) }))
	s.done(s.SetAutostart(ctx, off.UUID, true))
	s.done(s.UndefineDomain(ctx, runs.UUID))
	all, undescribed, err := s.DomainsNamed(ctx, func(name string) bool {
		return name == off.Name || name == paused.Name || name == runs.Name
	})
	if err != nil || len(all) != 3 || len(undescribed) > 0 {
		t.Fatalf("listed are %+v, %v, %v", all, undescribed, err)
	}
	statuses := must.Get[map[string]host.Status](t)(s.Statuses(ctx))
	for _, d := range all {
		want := host.Status{State: host.StateRunning}
		switch d.UUID {
		case off.UUID:
			want = host.Status{State: host.StateShutoff, Autostart: true}
		case paused.UUID:
			want.State = host.StatePaused
		}
		for how, got := range map[string]host.Status{"listed": d.Status, "in Statuses": statuses[d.UUID]} {
			if got.State != want.State || got.Autostart != want.Autostart {
				t.Errorf("%s, it is %+v, want %+v", how, got, want)
			}
		}
	}
	s.done(s.ResumeDomain(ctx, paused.UUID))
	s.becomes(paused.UUID, host.StateRunning)
	s.done(s.DestroyDomain(ctx, runs.UUID))
	_, err = s.Domain(ctx, runs.UUID)
	virttest.WantErr(t, err, host.ErrNoDomain)
}

// A container that cannot start is tried again, and its error has libvirt's reason.
func TestRealAStartThatCannotSucceedEnds(t *testing.T) {
	s := open(t)
	spec := s.spec()
	spec.Init = "/no/such/init"
	d := s.defined(spec)
	err := s.StartDomain(t.Context(), d.UUID)
	virttest.WantErr(t, err, host.ErrInternal)
	if !strings.Contains(err.Error(), spec.Init) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	virttest.WantErr(t, s.StartDomain(ctx, d.UUID), context.Canceled)
}
