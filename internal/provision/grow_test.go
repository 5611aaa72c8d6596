package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// machine is a hardware profile.
func machine(cores, mib int64) *profile.Hardware {
	return &profile.Hardware{CPUCores: &cores, MemoryMB: &mib}
}

// An instance grows if there is room for it, and otherwise stays as it is.
func TestAnInstanceGrowsIntoTheRoomThereIs(t *testing.T) {
	for _, running := range []bool{true, false} {
		onSite(t, func(t *testing.T, s *testSite) {
			ctx := t.Context()
			s.p = s.limited(s.Host, s.lib, Limits{VCPUs: 1, Memory: 1, ReservedMemoryMB: 61440})
			r := s.request("linked_clone")
			r.Running = running
			made := s.made(t, r)
			must.Get[host.Domain](t)(s.foreign(ctx, 3, 1024))
			has := func(when string, cores int, mib uint64) {
				t.Helper()
				d := must.Get[host.Domain](t)(s.Domain(ctx, made.UUID))
				if d.Sockets*d.Cores != cores || d.MemoryMiB != mib || (d.State == host.StateRunning) != running {
					t.Errorf("%s it has %d × %d vCPUs and %d MiB and is %s, want %d, %d", when, d.Sockets, d.Cores,
						d.MemoryMiB, d.State, cores, mib)
				}
			}
			for _, c := range []struct {
				cores, mib int64
				short      string // attributes
			}{
				{5, 3072, ""}, {2, 1024, ""}, {6, 2048, "hardware_profile.cpu_count"},
				{2, 3073, "hardware_profile.memory_mb"}, {5, 3072, ""},
				{9, 4096, "hardware_profile.cpu_count hardware_profile.memory_mb"}, {4, 3072, ""},
			} {
				before := must.Get[host.Domain](t)(s.Domain(ctx, made.UUID))
				r.Hardware = machine(c.cores, c.mib)
				_, err := s.update(ctx, made.UUID, r, true)
				if c.short == "" {
					if err != nil {
						t.Fatal(err)
					}
					has("grown", int(c.cores), uint64(c.mib))
					continue
				}
				var at []string
				findings, _ := errors.AsType[finding.List](err)
				for _, f := range findings {
					at = append(at, f.Path.String())
				}
				if got := strings.Join(at, " "); got != c.short {
					t.Errorf("%d vCPUs and %d MiB: %v at %q, want %q", c.cores, c.mib, err, got, c.short)
				}
				has("refused", before.Sockets*before.Cores, before.MemoryMiB)
			}
			// What a host has too much of already does not keep an instance from growing in another way.
			must.Get[host.Domain](t)(s.foreign(ctx, 20, 64))
			r.Hardware = machine(3, 3008)
			if _, err := s.update(ctx, made.UUID, r, true); err != nil {
				t.Error(err)
			}
			r.Hardware = machine(3, 2048)
			must.Get[kind.Instance](t)(s.update(ctx, made.UUID, r, true))
			r.Hardware = machine(3, 3008)
			if _, err := s.update(ctx, made.UUID, r, true); err != nil {
				t.Errorf("more memory on a host with too many vCPUs: %v", err)
			}
		})
	}
}

// crowding is a host that gets another domain between the first look and the second.
type crowding struct {
	host.Host
	crowd func()
	looks int
}

func (h *crowding) Allotments(ctx context.Context) ([]host.Allotment, error) {
	if h.looks++; h.looks == 2 {
		h.crowd()
	}
	return h.Host.Allotments(ctx)
}

// An instance that has claimed more and does not fit any more gets its old machine again.
func TestAClaimToGrowIsUndone(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		made := s.made(t, r)
		h := &crowding{Host: s.Host, crowd: func() { must.Get[host.Domain](t)(s.foreign(t.Context(), 4, 64)) }}
		s.p = s.limited(h, s.lib, Limits{VCPUs: 1})
		r.Hardware = machine(5, 4096)
		redefined := 0
		s.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "RedefineDomain" {
				redefined++
			}
			return fakehost.Fault{}
		}
		_, err := s.update(t.Context(), made.UUID, r, true)
		s.Inject = nil
		full, is := errors.AsType[*FullError](err)
		if want := "1 vCPU short (4 of 8 are taken)"; !is || full.Shortages.String() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		d := must.Get[host.Domain](t)(s.Domain(t.Context(), made.UUID))
		if d.Sockets != 1 || d.Cores != 1 || d.MemoryMiB != 1024 || h.looks != 2 || redefined != 2 {
			t.Errorf("after %d looks and %d changes, it has %+v", h.looks, redefined, d)
		}
	})
}

// Of instances that grow at once and are too many together, only as many grow as fit. In one process,
// they do not stand in each other's way.
func TestInstancesThatGrowAtOnceFit(t *testing.T) {
	for _, processes := range []bool{true, false} {
		onSite(t, func(t *testing.T, s *testSite) {
			const n = 4
			var made [n]kind.Instance
			for i := range made {
				r := s.request("linked_clone")
				r.Name = fmt.Sprintf("web%d", i)
				made[i] = s.made(t, r)
			}
			shared := s.limited(lateLooks{s.Host}, s.process(), Limits{VCPUs: 1})
			var group sync.WaitGroup
			errs := make([]error, n)
			for i, instance := range made {
				p := shared
				if processes {
					p = s.limited(lateLooks{s.Host}, s.process(), Limits{VCPUs: 1})
				}
				group.Go(func() {
					r := s.request("linked_clone")
					r.Name, r.Hardware = instance.Facts.Name, machine(3, 1024)
					b, err := p.BlueprintOf(t.Context(), instance, r)
					if err == nil {
						change := Change{Blueprint: &b, AllowRestart: true, Options: r.Options}
						_, err = p.Update(t.Context(), instance.UUID, change)
					}
					errs[i] = err
				})
			}
			group.Wait()
			sum := 0
			for i, instance := range made {
				d := must.Get[host.Domain](t)(s.Domain(t.Context(), instance.UUID))
				sum += d.Cores
				if grown := d.Cores == 3; grown != (errs[i] == nil) {
					t.Errorf("it has %d cores: %v", d.Cores, errs[i])
				}
			}
			if sum > fakeCPUs || sum != fakeCPUs && !processes {
				t.Errorf("%d vCPUs are allotted, and %d are there", sum, fakeCPUs)
			}
		})
	}
}

// However an instance is disturbed that grows: it has its old machine or the new one, and the next update
// finds no other.
func TestADisturbedGrowthIsFinishedByTheNext(t *testing.T) {
	for _, how := range ways() {
		t.Run(how, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				s.p = s.limited(s.Host, s.lib, Limits{VCPUs: 1})
				r, larger := s.request("linked_clone"), s.request("linked_clone")
				larger.Hardware = machine(3, 2048)
				made := s.made(t, r)
				s.disturbed(t, how, func() {}, func(ctx context.Context) error {
					_, err := s.update(ctx, made.UUID, larger, true)
					return err
				}, func(err error) {
					d := must.Get[host.Domain](t)(s.Domain(t.Context(), made.UUID))
					grown := d.Cores == 3 && d.MemoryMiB == 2048
					if !grown && (err == nil || d.Cores != 1 || d.MemoryMiB != 1024) {
						t.Errorf("it has %d cores and %d MiB: %v", d.Cores, d.MemoryMiB, err)
					}
					for _, request := range []kind.Request{larger, r} {
						if _, err := s.update(t.Context(), made.UUID, request, true); err != nil {
							t.Errorf("the next update: %v", err)
						}
					}
				})
			})
		})
	}
}

// Another image that comes with a larger machine is refused before anything is changed.
func TestAReimageFitsOrDoesNotBegin(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		s.p = s.limited(s.Host, s.lib, Limits{VCPUs: 1})
		r := s.request("clone")
		made := s.made(t, r)
		before, volumes := must.Get[host.Domain](t)(s.Domain(t.Context(), made.UUID)), s.volumes(t)
		r.Hardware = machine(9, 1024)
		_, err := s.reimaged(t.Context(), made.UUID, r)
		if _, full := errors.AsType[*FullError](err); !full {
			t.Errorf("got %v", err)
		}
		after := must.Get[host.Domain](t)(s.Domain(t.Context(), made.UUID))
		if !slices.Equal(after.Disks, before.Disks) || after.State != before.State ||
			!slices.Equal(s.volumes(t), volumes) {
			t.Errorf("it was %+v with %q, and is %+v with %q", before, volumes, after, s.volumes(t))
		}
		r.Hardware = machine(8, 1024)
		if _, err = s.reimaged(t.Context(), made.UUID, r); err != nil {
			t.Error(err)
		}
	})
}
