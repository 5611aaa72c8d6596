package provision

import (
	"context"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// Whichever request of the host fails, nothing is left that is in the way of the next create.
func TestAFailedCopyIsMadeAgain(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onHosts(t, func(_ *testing.T, s *hostsSite) {
				var on *testSite
				disturbed := &testSite{Host: s.machines["kvm2"]}
				disturbed.disturbed(s.T, how, func() { on = s.process()["kvm2"] }, func(ctx context.Context) error {
					return on.lib.Replicate(ctx, must.Get[catalog.Version](s.T)(
						on.lib.Version(context.WithoutCancel(ctx), siteTemplate.Version("1.0.0"))))
				}, func(err error) {
					base, there := s.document("kvm2", "1.0.0")
					if err == nil && base.State != catalog.BaseReady || err != nil && there &&
						base.State != catalog.BaseReady {
						s.Errorf("it is %+v after %v", base, err)
					}
					again := s.process()["kvm2"]
					ctx, cancel := context.WithTimeout(s.Context(), time.Hour)
					defer cancel()
					v := must.Get[catalog.Version](s.T)(again.lib.Version(ctx, siteTemplate.Version("1.0.0")))
					if err := again.lib.Replicate(ctx, v); err != nil {
						s.Errorf("once more: %v", err)
					}
					if stored := s.stored("kvm2"); len(stored) != 1 {
						s.Errorf("there are %q", stored)
					}
					if err := again.lib.Images.ReleaseCopy(ctx, v); err != nil {
						s.Error(err)
					}
					if stored := s.stored("kvm2"); len(stored) != 0 {
						s.Errorf("left are %q", stored)
					}
				})
			})
		})
	}
}

// copying writes what a process of the name has left that was copying the image of 1.0.0 to kvm2.
func (s *hostsSite) copying(runner string, left time.Duration) {
	s.Helper()
	origin, _ := s.document("kvm1", "1.0.0")
	h, now := s.machines["kvm2"], time.Now()
	must.Get[host.Volume](s.T)(h.CreateVolume(s.Context(), sitePool, host.VolumeSpec{
		Name: "nova.base.dead.raw", Format: "raw", Capacity: uint64(origin.StoredSize),
	}))
	origin.State, origin.Volume = catalog.BaseUploading, "nova.base.dead.raw"
	origin.Versions = []string{s.id() + ":" + siteTemplate.Version("1.0.0").String()}
	origin.Copy = &catalog.Copy{Runner: runner, Since: now, Deadline: now.Add(left), UsedAt: now}
	must.Get[catalog.Record[catalog.Base]](s.T)(poolstore.New(h, sitePool).Bases().Create(s.Context(),
		catalog.BaseKey(origin.Digest), origin))
}

func TestTheCopyOfADeadProcessIsMadeAgain(t *testing.T) {
	const elsewhere = "elsewhere/4711/m/b/1-1/99"
	onHosts(t, func(t *testing.T, s *hostsSite) {
		for name, c := range map[string]struct {
			runner      string
			left, waits time.Duration
		}{
			"dead":               {leasetest.Dead(t), time.Hour, 0},
			"perhaps alive":      {elsewhere, time.Hour, time.Hour},
			"out of its time":    {elsewhere, -time.Hour, 0},
			"by another process": {leasetest.Dead(t), -time.Hour, 0},
		} {
			s.copying(c.runner, c.left)
			on, begun := s.process()["kvm2"], time.Now()
			i, _ := s.create(on, on.request("linked_clone"))
			if took := time.Since(begun); took < c.waits || c.waits == 0 && took > time.Minute {
				t.Errorf("a process that is %s was waited for: %s", name, took)
			}
			if stored := s.stored("kvm2"); len(stored) != 1 || stored[0] == "nova.base.dead.raw" {
				t.Errorf("%s: there are %q", name, stored)
			}
			on.remove(t, i.UUID)
			v := must.Get[catalog.Version](t)(on.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
			if err := on.lib.Images.ReleaseCopy(t.Context(), v); err != nil {
				t.Error(err)
			}
		}
		s.copying(leasetest.Dead(t), time.Hour)
		if err := s.process()["kvm2"].lib.Images.Collect(t.Context()); err != nil || len(s.stored("kvm2")) > 0 {
			t.Errorf("what a dead process has left is still there: %q, %v", s.stored("kvm2"), err)
		}
	})
}

// A process that is killed at any request undoes nothing. The next copy takes over at once what a
// process has left that is certainly dead.
func TestTheCopyOfAKilledProcessIsMadeAgain(t *testing.T) {
	onHosts(t, func(t *testing.T, s *hostsSite) {
		v, h := s.chained(), s.machines["kvm2"]
		replicate := func() error { return s.process()["kvm2"].lib.Replicate(t.Context(), v) }
		for n := 1; ; n++ {
			first, killed := h.Calls(), false
			h.Inject = func(c fakehost.Call) fakehost.Fault {
				if killed = killed || c.N == first+n; killed {
					return fakehost.Fault{Before: host.ErrUnreachable}
				}
				return fakehost.Fault{}
			}
			err := replicate()
			h.Inject = nil
			if !killed {
				if err != nil {
					t.Errorf("undisturbed: %v", err)
				}
				return
			}
			s.kill("kvm2")
			begun := time.Now()
			if err := replicate(); err != nil || time.Since(begun) > time.Minute || len(s.stored("kvm2")) != 2 {
				t.Fatalf("killed at request %d: after %s, %v; there are %q", n, time.Since(begun), err,
					s.stored("kvm2"))
			}
			if err := s.process()["kvm2"].lib.Images.ReleaseCopy(t.Context(), v); err != nil {
				t.Error(err)
			}
			for range 2 { // what the dead process has listed in vain
				s.collected()
				time.Sleep(2 * time.Hour)
			}
			s.collected()
			if left := s.stored("kvm2"); len(left) > 0 {
				t.Fatalf("killed at request %d: left are %q", n, left)
			}
		}
	})
}

// kill makes what is being copied to a host that of a process that has certainly ended.
func (s *hostsSite) kill(name string) {
	s.Helper()
	bases := poolstore.New(s.machines[name], sitePool).Bases()
	for _, rec := range must.Get[[]catalog.Record[catalog.Base]](s.T)(bases.List(s.Context(), "")) {
		if rec.Value.Copy != nil && rec.Value.State == catalog.BaseUploading {
			killed := *rec.Value.Copy
			killed.Runner, rec.Value.Copy = leasetest.Dead(s.T), &killed
			must.Get[catalog.Record[catalog.Base]](s.T)(bases.Replace(s.Context(), rec.Key, rec.Revision, rec.Value))
		}
	}
}
