package provision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// The fake host has 8 processors and 65536 MiB. An instance of the site has 1 vCPU and 1024 MiB.
const fakeCPUs = 8

// limited is a provisioner whose host may be full.
func (s *testSite) limited(h host.Host, l *library.Library, limits Limits) *Provisioner {
	return New(Settings{
		Host: h, Library: l, Kinds: machines, StorageTiers: map[string]string{siteTier: siteTier}, Limits: &limits,
	})
}

// foreign defines a domain that is not novacron's.
func (s *testSite) foreign(ctx context.Context, vcpus int, mib uint64) (host.Domain, error) {
	return s.DefineDomain(ctx, host.DomainSpec{
		Name: fmt.Sprintf("foreign-%d", len(s.UUIDs())), Type: "qemu", Sockets: 1, Cores: vcpus, MemoryMiB: mib,
	})
}

// lateLooks is a host at which all claims that are made together precede all looks.
type lateLooks struct{ host.Host }

func (h lateLooks) Allotments(ctx context.Context) ([]host.Allotment, error) {
	time.Sleep(time.Millisecond)
	return h.Host.Allotments(ctx)
}

// claimants create instances at once, and count those that were created. Each has a process of its own,
// or all have one. All others have to be refused because the host is full.
func (s *testSite) claimants(
	t *testing.T, n int, processes bool, elsewhere func(*Provisioner, error) error,
) (created int) {
	t.Helper()
	limits := Limits{VCPUs: 1}
	shared := s.limited(lateLooks{s.Host}, s.process(), limits)
	errs := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		p := shared
		if processes {
			p = s.limited(lateLooks{s.Host}, s.process(), limits)
		}
		group.Go(func() {
			r := s.request("linked_clone")
			r.Name = fmt.Sprintf("web%d", i)
			_, _, errs[i] = p.CreateOr(t.Context(), r, func(kind.Instance, Record) {},
				func(_ context.Context, full error) (*Provisioner, error) { return p, elsewhere(p, full) })
		})
	}
	group.Wait()
	for _, err := range errs {
		if err == nil {
			created++
		} else if full, is := errors.AsType[*FullError](err); !is || len(full.Shortages) != 1 ||
			full.Shortages[0].Of != VCPUs || full.Host != s.URI() {
			t.Errorf("a claimant failed: %v", err)
		}
	}
	if left := s.UUIDs(); len(left) != created {
		t.Errorf("%d instances were created, and there are %d domains", created, len(left))
	}
	for _, pool := range []string{sitePool, siteTier} {
		disks := 0
		for _, name := range must.Get[[]string](t)(s.VolumeNames(t.Context(), pool)) {
			if strings.HasPrefix(name, "nova.disk.") {
				disks++
			}
		}
		if disks != created {
			t.Errorf("%d instances were created, and the pool %s has %d disks", created, pool, disks)
		}
	}
	return created
}

// retries tries again a few times, after pauses of random lengths.
func retries() func(*Provisioner, error) error {
	var mu sync.Mutex
	tried := map[*Provisioner]int{}
	return func(p *Provisioner, full error) error {
		mu.Lock()
		tried[p]++
		again := tried[p] < 40
		mu.Unlock()
		if !again {
			return full
		}
		time.Sleep(rand.N(time.Second)) // of the test's own clock
		return nil
	}
}

func never(_ *Provisioner, full error) error { return full }

// As many claimants get a place as there are places, and none of the others leaves anything.
func TestClaimantsFillAHostAndNoMore(t *testing.T) {
	for range 3 {
		onSite(t, func(t *testing.T, s *testSite) {
			if got := s.claimants(t, 3*fakeCPUs, true, retries()); got != fakeCPUs {
				t.Errorf("of %d claimants on %d places, %d got one", 3*fakeCPUs, fakeCPUs, got)
			}
		})
	}
	// Claimants that do not try again are never too many, although they may be too few.
	onSite(t, func(t *testing.T, s *testSite) {
		if got := s.claimants(t, 3*fakeCPUs, true, never); got > fakeCPUs {
			t.Errorf("%d claimants got %d places", got, fakeCPUs)
		}
	})
	// Those of one process do not stand in each other's way.
	onSite(t, func(t *testing.T, s *testSite) {
		if got := s.claimants(t, 3*fakeCPUs, false, never); got != fakeCPUs {
			t.Errorf("of %d claimants of one process on %d places, %d got one", 3*fakeCPUs, fakeCPUs, got)
		}
	})
}

// However a create on a full host, or one on a host with room, is disturbed: it leaves nothing.
func TestADisturbedClaimLeavesNothing(t *testing.T) {
	for _, how := range ways() {
		for _, full := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, full %t", how, full), func(t *testing.T) {
				onSite(t, func(t *testing.T, s *testSite) {
					cores := fakeCPUs - 1
					if full {
						cores++
					}
					foreign := must.Get[host.Domain](t)(s.foreign(t.Context(), cores, 64))
					s.p = s.limited(s.Host, s.lib, Limits{VCPUs: 1})
					r := s.request("linked_clone")
					told, elsewhere := "", false
					s.disturbed(t, how, func() { told, elsewhere = "", false }, func(ctx context.Context) error {
						_, _, err := s.p.CreateOr(ctx, r, func(i kind.Instance, _ Record) { told = i.UUID },
							func(_ context.Context, full error) (*Provisioner, error) {
								elsewhere = true
								if left := s.UUIDs(); !slices.Equal(left, []string{foreign.UUID}) {
									t.Errorf("before the next attempt, there are %q", left)
								}
								return nil, full
							})
						if _, is := errors.AsType[*FullError](err); full && is {
							return nil
						}
						return err
					}, func(err error) {
						if err == nil && full != elsewhere || elsewhere && !full {
							t.Errorf("another host was asked for: %t", elsewhere)
						}
						if told != "" && !errors.Is(err, context.Canceled) {
							if full {
								t.Error("an instance was made on a full host")
							}
							if err := s.p.Delete(t.Context(), 0, told, "default", "web", hostid.ID{}); err != nil {
								t.Error(err)
							}
						}
						if left := s.UUIDs(); !slices.Equal(left, []string{foreign.UUID}) {
							t.Errorf("the domains %q are left", left)
						}
						if left := s.volumes(t); len(left) > 0 {
							t.Errorf("the volumes %q are left", left)
						}
					})
				})
			})
		}
	}
}

// A request that is refused by one host and carried out by another is one request.
func TestARequestHasOneRecordOnAllHosts(t *testing.T) {
	for _, wait := range [][]string{nil, {kind.WaitIP}} { // which is recorded before the work
		onSite(t, func(t *testing.T, s *testSite) {
			ctx := t.Context()
			must.Get[host.Domain](t)(s.foreign(ctx, fakeCPUs, 64))
			full := s.limited(s.Host, s.lib, Limits{VCPUs: 1})
			r := s.request("linked_clone")
			r.WaitFor = wait
			lost, asked := errors.New("no other host"), 0
			i, record, err := full.CreateOr(ctx, r, func(kind.Instance, Record) {},
				func(context.Context, error) (*Provisioner, error) {
					if asked++; asked < 3 {
						return full, nil
					}
					return s.p, nil
				})
			if err != nil || record.Status != "completed" || record.Error != "" || asked != 3 {
				t.Fatalf("refused %d times, it is %+v, %v", asked, record, err)
			}
			all := must.Get[[]catalog.ProvisioningRequest](t)(s.lib.Requests.List(ctx, catalog.RequestFilter{}))
			if len(all) != 1 || all[0].Status != catalog.RequestCompleted || all[0].UUID != i.UUID ||
				all[0].ID.ID != record.RequestID || i.Facts.Provision.Request != record.RequestID {
				t.Errorf("the requests are %+v, and the instance has %+v", all, i.Facts.Provision)
			}
			r.Name = "other"
			_, record, err = full.CreateOr(ctx, r, func(kind.Instance, Record) {},
				func(context.Context, error) (*Provisioner, error) { return nil, lost })
			all = must.Get[[]catalog.ProvisioningRequest](t)(s.lib.Requests.List(ctx, catalog.RequestFilter{}))
			if !errors.Is(err, lost) || record.Status != "failed" || record.Error != lost.Error() || len(all) != 2 {
				t.Errorf("refused by all hosts, it is %+v, %v; the requests are %+v", record, err, all)
			}
		})
	}
}

// A host that may still have the domain is not left for another one.
func TestAnotherHostIsAskedOnlyIfNothingIsLeft(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		must.Get[host.Domain](t)(s.foreign(t.Context(), fakeCPUs, 64))
		p := s.limited(s.Host, s.lib, Limits{VCPUs: 1})
		s.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "UndefineDomain" {
				return fakehost.Fault{Before: host.ErrUnreachable}
			}
			return fakehost.Fault{}
		}
		_, _, err := p.CreateOr(t.Context(), s.request("linked_clone"), func(kind.Instance, Record) {},
			func(_ context.Context, full error) (*Provisioner, error) {
				t.Error("another host was asked for")
				return nil, full
			})
		s.Inject = nil
		if _, full := errors.AsType[*FullError](err); !full || !errors.Is(err, host.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	})
}

// No snapshot is made on a host that has no room for the guest to resume from it, and the remains of a
// dead create of the same instance take no room from it.
func TestAFullHostMakesNoSnapshot(t *testing.T) {
	onWarmSite(t, func(t *testing.T, s *testSite) {
		must.Get[host.Domain](t)(s.foreign(t.Context(), fakeCPUs-1, 64))
		s.p = s.limited(s.Host, s.lib, Limits{VCPUs: 1})
		r := s.request("instantiate")
		r.OnNoWarm = kind.NoWarmFail
		if made := s.made(t, r); len(s.warmParts(t)) != 2 {
			t.Errorf("%s is without a snapshot", made.UUID)
		}
		create := func(name string) error {
			r.Name = name
			_, _, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {})
			return err
		}
		s.warm(t, &catalog.Warm{SealCommands: []string{"another"}})
		defined := s.counted(func() {
			if _, full := errors.AsType[*FullError](create("other")); !full {
				t.Error("there was room for another instance")
			}
		}, "DefineDomain")
		if defined > 0 {
			t.Errorf("%d domains were defined", defined)
		}
		web := must.Get[kind.Instance](t)(s.p.Find(t.Context(), "default", "web"))
		s.note(t, web.UUID, func(f *metadata.Facts) {
			f.Provision.Runner, f.Provision.Completed = leasetest.Dead(t), nil
		})
		s.p = s.limited(s.Host, s.process(), Limits{VCPUs: 1})
		if err := create("web"); err != nil {
			t.Errorf("in place of its remains: %v", err)
		}
	})
}
