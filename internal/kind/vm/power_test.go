package vm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

func TestAGuestIsStoppedAsItsStateAllows(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*rig, string)
		grace   time.Duration
		takes   time.Duration // at least; 0 for no time at all
		asked   int           // how often it was asked to shut down
	}{
		"it hears":         {func(*rig, string) {}, time.Minute, 100 * time.Millisecond, 1},
		"it does not hear": {func(r *rig, _ string) { r.Ignores = true }, time.Minute, time.Minute, 12},
		"no grace":         {func(r *rig, _ string) { r.Ignores = true }, 0, 0, 0},
		"paused":           {func(r *rig, uuid string) { r.Pause(uuid) }, time.Minute, 0, 0},
		"crashed":          {func(r *rig, uuid string) { r.Crash(uuid) }, time.Minute, 0, 0},
		"off":              {func(r *rig, uuid string) { r.ok(r.DestroyDomain(r.Context(), uuid)) }, time.Minute, 0, 0},
		"gone": {func(r *rig, uuid string) {
			r.ok(r.DestroyDomain(r.Context(), uuid))
			r.ok(r.UndefineDomain(r.Context(), uuid))
		}, time.Minute, 0, 0},
		"gone, without any": {func(r *rig, uuid string) {
			r.ok(r.DestroyDomain(r.Context(), uuid))
			r.ok(r.UndefineDomain(r.Context(), uuid))
		}, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				b, _ := r.made(nil)
				c.prepare(r, b.UUID)
				began, asked := time.Now(), 0
				r.Inject = func(call fakehost.Call) fakehost.Fault {
					if call.Method == "ShutdownDomain" {
						asked++
					}
					return fakehost.Fault{}
				}
				r.ok(r.driver.Stop(t.Context(), b.UUID, c.grace))
				// Without an agent it is asked twice each time: through the agent, and with the power button.
				if took := time.Since(began); took < c.takes || took > c.takes+time.Second || asked != 2*c.asked {
					t.Errorf("it took %s, and it was asked %d times", took, asked)
				}
				r.Inject = nil
				state, err := r.DomainState(t.Context(), b.UUID)
				if errors.Is(err, host.ErrNoDomain) == !strings.HasPrefix(name, "gone") || err == nil &&
					state != host.StateShutoff {
					t.Errorf("it is %s, %v", state, err)
				}
			})
		})
	}
}

func TestAnAgentIsAskedBeforeThePowerButtonIsPressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Agent = func(string, string) (string, error) { return "{}", nil }
		b, _ := r.made(nil)
		made := r.calls(func() { r.ok(r.driver.Stop(t.Context(), b.UUID, time.Minute)) })
		if n := len(slices.DeleteFunc(made, func(m string) bool { return m != "ShutdownDomain" })); n != 1 {
			t.Errorf("it was asked %d times", n)
		}
	})
}

func TestACancelEndsTheWaitForAGuest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Ignores = true
		b, _ := r.made(nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := r.driver.Stop(ctx, b.UUID, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if i := r.read(b.UUID); !i.Running() {
			t.Error("it was switched off all the same")
		}
	})
}

func TestAHostThatDoesNotAnswerStopsNoGuest(t *testing.T) {
	r := newRig(t)
	b, _ := r.made(nil)
	r.Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} }
	for _, grace := range []time.Duration{0, time.Minute} {
		if err := r.driver.Stop(t.Context(), b.UUID, grace); !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("with grace %s: %v", grace, err)
		}
	}
	if _, err := r.driver.Start(t.Context(), kind.Instance{UUID: b.UUID}); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("starting: %v", err)
	}
}

// What was leased before a start says nothing about the guest, unless it continues where it was.
func TestAStartKnowsTheLeasesFromBefore(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*rig, string)
		asks    bool
	}{
		"off":     {func(r *rig, uuid string) { r.ok(r.DestroyDomain(r.Context(), uuid)) }, true},
		"crashed": {func(r *rig, uuid string) { r.Crash(uuid) }, true},
		"saved":   {func(r *rig, uuid string) { r.Save(uuid) }, false},
		"running": {func(*rig, string) {}, false},
		"already again": {func(r *rig, uuid string) {
			r.ok(r.DestroyDomain(r.Context(), uuid))
			r.ok(r.StartDomain(r.Context(), uuid))
		}, false},
	} {
		r := newRig(t)
		b, i := r.made(nil)
		c.prepare(r, b.UUID)
		made := r.calls(func() {
			_, err := r.driver.Start(t.Context(), i)
			r.ok(err)
		})
		if asks := slices.Contains(made, "Leases"); asks != c.asks {
			t.Errorf("%s: it makes the requests %q", name, made)
		}
		if now := r.read(b.UUID); !now.Healthy() {
			t.Errorf("%s: it is %s", name, now.State)
		}
	}
}

// QEMU's assertions are explained only where KVM may be behind them.
func TestABrokenKVMIsToldOf(t *testing.T) {
	for domainType, hint := range map[string]bool{"kvm": true, "qemu": false} {
		r := newRig(t)
		b, i := r.made(nil)
		r.ok(r.DestroyDomain(t.Context(), b.UUID))
		for failure, internal := range map[error]bool{host.ErrInternal: true, host.ErrOperationInvalid: false} {
			r.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method == "StartDomain" {
					return fakehost.Fault{Before: failure}
				}
				return fakehost.Fault{}
			}
			_, err := r.drive(domainType).Start(t.Context(), i)
			if !errors.Is(err, failure) || strings.Contains(err.Error(), "domain_type") != (hint && internal) {
				t.Errorf("%s, %v: %v", domainType, failure, err)
			}
		}
	}
}
