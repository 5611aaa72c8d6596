package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// plenty are the limits of a host of 8 processors and 64 GiB on which nothing of a test is short.
var plenty = provision.Limits{VCPUs: 4, Memory: 1}

func TestInstancesSpreadOrPack(t *testing.T) {
	for policy, want := range map[catalog.PlacementPolicy][]string{
		"":             {"a", "b", "c", "a", "b", "c"},
		catalog.Spread: {"a", "b", "c", "a", "b", "c"},
		catalog.Pack:   {"a", "a", "a", "a", "a", "a"},
	} {
		inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
			f := w.process()
			var got []string
			for n := range want {
				_, on, err := create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), Where{Policy: policy})
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, on)
			}
			if !slices.Equal(got, want) {
				t.Errorf("policy %q places on %q, want %q", policy, got, want)
			}
		})
	}
}

// Creates of one process spread even if they begin at the same time.
func TestCreatesOfOneProcessSpread(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		f := w.process()
		var group sync.WaitGroup
		for n := range 9 {
			group.Go(func() {
				if _, _, err := create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), Where{}); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		for _, name := range w.names {
			if has := w.domains(t, name); len(has) != 3 {
				t.Errorf("host %s has %q", name, has)
			}
		}
	})
}

func TestConstraintsChooseTheHost(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		f := w.process()
		for name, c := range map[string]struct {
			where Where
			on    string
			error string
		}{
			"by-name":  {Where{Hosts: []string{"b"}}, "b", ""},
			"by-label": {Where{Require: map[string]string{"rack": "c"}}, "c", ""},
			"by-both": {
				Where{Hosts: []string{"a"}, Require: map[string]string{"rack": "c"}}, "",
				"a: no label rack=c (labels: rack=a)\n  - b: not among placement.hosts",
			},
			"unknown": {Where{Hosts: []string{"x"}}, "", `The provider has no host "x". Its hosts are: a, b, c.`},
		} {
			_, on, err := create(t.Context(), f, request(name, 1024), c.where)
			if on != c.on || (err == nil) != (c.error == "") || err != nil && !strings.Contains(err.Error(), c.error) {
				t.Errorf("%s is on %q, %v", name, on, err)
			}
			if _, found := errors.AsType[finding.List](err); err != nil && !found {
				t.Errorf("%s: the error %v has no attribute", name, err)
			}
		}
	})
}

// Processes that create at the same time never allot more than the hosts have, and place as many as fit.
func TestClaimsOfManyProcessesFitExactly(t *testing.T) {
	const each, processes = 4, 12 // places on each host
	inWorld(t, provision.Limits{Memory: float64(each) / 64}, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		var group sync.WaitGroup
		errs := make([]error, 2*processes)
		for n := range errs {
			f := w.process()
			group.Go(func() {
				_, _, errs[n] = create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), Where{})
			})
		}
		group.Wait()
		placed := 0
		for _, err := range errs {
			if err == nil {
				placed++
			} else if _, full := errors.AsType[*NoRoomError](err); !full {
				t.Error(err)
			}
		}
		if placed != 3*each {
			t.Errorf("%d were placed, want %d", placed, 3*each)
		}
		for _, name := range w.names {
			if has := w.domains(t, name); len(has) != each {
				t.Errorf("host %s has %q", name, has)
			}
		}
		if all := w.placements(t); len(all) != placed {
			t.Errorf("the placements are %q", all)
		}
	})
}

func TestANameIsOneOverAllHosts(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		var group sync.WaitGroup
		errs := make([]error, 8)
		for n := range errs {
			f := w.process()
			group.Go(func() {
				_, _, errs[n] = create(t.Context(), f, request("one", 1024), Where{Hosts: []string{w.names[n%2]}})
			})
		}
		group.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if !strings.Contains(err.Error(), "already in use") {
				t.Error(err)
			}
		}
		if got := len(w.domains(t, "a")) + len(w.domains(t, "b")); made != 1 || got != 1 {
			t.Errorf("%d creates succeeded, and %d domains are there: %v", made, got, errs)
		}
	})
}

// Instances of a template that another tenant shares are created on any host.
func TestASharedTemplateIsPlacedOnAnyHost(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		shared := w.process().library
		must.Get[catalog.Template](t)(shared.UpdateTemplate(t.Context(), theTemplate, func(t *catalog.Template) {
			t.Public = true
		}))
		f := w.as("other")
		for n, want := range []string{"a", "b", "a", "b"} {
			_, on, err := create(t.Context(), f, request(fmt.Sprintf("i%d", n), 1024), Where{})
			if err != nil || on != want {
				t.Fatalf("it is on %q, %v, want %q", on, err, want)
			}
		}
	})
}

// What fails leaves neither a domain nor a placement, and what is removed takes its placement along.
func TestPlacementsComeAndGoWithTheirInstances(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f := w.process()
		i, on, err := create(t.Context(), f, request("it", 1024), Where{Hosts: []string{"b"}})
		if err != nil || on != "b" {
			t.Fatal(on, err)
		}
		if got := w.placements(t); !slices.Equal(got, []string{"it on b (placed)"}) {
			t.Errorf("the placements are %q", got)
		}
		if _, _, err := create(t.Context(), f, request("huge", 1<<20), Where{}); err == nil ||
			!strings.Contains(err.Error(), "a: 983040 MiB of memory short (0 of 65536 MiB are taken)") {
			t.Errorf("got %v", err)
		}
		if err := f.Delete(t.Context(), "b", 0, i.UUID, naming.DefaultTenant, "it", hostid.ID{}); err != nil {
			t.Fatal(err)
		}
		if got := w.placements(t); len(got) > 0 {
			t.Errorf("the placements are %q", got)
		}
		w.leaves(t, "it")
		w.leaves(t, "huge")
	})
}

// An instance that is not where it was last seen is looked for on all hosts, and is not forgotten while
// one of them is silent.
func TestAnInstanceIsLookedForOnAllHosts(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b", "c"}, func(t *testing.T, w *world) {
		f := w.process()
		i, _, err := create(t.Context(), f, request("it", 1024), Where{Hosts: []string{"c"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, last := range []string{"a", "b", "c", ""} {
			if found, on, err := w.process().Refresh(t.Context(), last, i.UUID); err != nil || on.Name != "c" ||
				found.UUID != i.UUID {
				t.Errorf("last seen on %q: %v, %v", last, on, err)
			}
		}
		const other = "00000000-0000-4000-8000-00000000000f"
		if _, _, err := w.process().Refresh(t.Context(), "a", other); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("an instance that is nowhere: %v", err)
		}
		if _, _, err := w.process().Refresh(t.Context(), "gone", other); err == nil ||
			errors.Is(err, provision.ErrNotFound) || !strings.Contains(err.Error(), `last seen on host "gone"`) {
			t.Errorf("an instance of a host that is not configured: %v", err)
		}
		w.hosts["b"].Inject = silent
		if _, _, err := w.process().Refresh(t.Context(), "a", other); err == nil ||
			errors.Is(err, provision.ErrNotFound) || !strings.Contains(err.Error(), "- b: ") {
			t.Errorf("an instance that may be on a silent host: %v", err)
		}
		if _, on, err := w.process().Refresh(t.Context(), "a", i.UUID); err != nil || on.Name != "c" {
			t.Errorf("with another host silent, it is on %v, %v", on, err)
		}
		if _, on, err := create(t.Context(), w.process(), request("new", 1024), Where{}); err != nil || on != "a" {
			t.Errorf("with a host silent, a new one is on %q, %v", on, err)
		}
	})
}

// A host that does not answer is asked once, however many instances it has.
func TestASilentHostIsAskedOnce(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		f, asked := w.process(), 0
		w.hosts["b"].Inject = silent
		for n := range 5 {
			before := w.hosts["b"].Calls()
			uuid := fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", n)
			if _, _, err := f.Refresh(t.Context(), "b", uuid); err == nil {
				t.Error("a silent host has the instance")
			}
			asked += w.hosts["b"].Calls() - before
		}
		if asked != 1 {
			t.Errorf("the host was asked %d times", asked)
		}
		w.hosts["b"].Inject = nil
		time.Sleep(silenceAge + time.Second) // by the clock of synctest
		if _, _, err := f.Refresh(t.Context(), "b", "00000000-0000-4000-8000-00000000000f"); !errors.Is(err,
			provision.ErrNotFound) {
			t.Errorf("later: %v", err)
		}
	})
}

// If any request of a create fails, on any host, nothing is left once the create, or the next one of the
// same instance, is over.
func TestAFailedPlacingLeavesNothing(t *testing.T) {
	for _, victim := range []string{"a", "b"} {
		inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
			for n := 1; ; n++ {
				if n > 300 {
					t.Fatal("it makes more than 300 requests")
				}
				f, met := w.process(), ""
				first := w.hosts[victim].Calls()
				h := w.hosts[victim]
				h.Inject = failing(first+n, &met)
				i, _, err := create(t.Context(), f, request("it", 1024), Where{Hosts: []string{"b"}})
				h.Inject = nil
				if err != nil && i.UUID == "" { // otherwise a state has it
					i, _, err = create(t.Context(), w.process(), request("it", 1024), Where{Hosts: []string{"b"}})
					if err != nil {
						t.Fatalf("after request %d of %s, %s, failed: %v", n, victim, met, err)
					}
				}
				if err := w.process().Delete(t.Context(), "b", 0, i.UUID, naming.DefaultTenant, "it",
					hostid.ID{}); err != nil {
					t.Fatal(err)
				}
				if left := w.placements(t); len(left) > 0 {
					t.Fatalf("after request %d of %s, %s, failed, the placements are %q", n, victim, met, left)
				}
				w.leaves(t, "it")
				if met == "" {
					return
				}
			}
		})
	}
}
