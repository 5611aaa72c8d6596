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
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent/agenttest"
	"github.com/novacron/terraform-provider-novacron/internal/guest/resume"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// sealedFacts are what a guest says that can be resumed.
var sealedFacts = resume.Facts{Version: 1, Reseed: "perl"}.String()

// onWarmSite runs a test with a site whose version 1.0.0 asks for a warm snapshot, and whose guests
// have agents.
func onWarmSite(t *testing.T, test func(t *testing.T, s *testSite)) {
	onSite(t, func(t *testing.T, s *testSite) {
		agent := &agenttest.Agent{Run: func(string, string) (string, int) { return sealedFacts, 0 }}
		s.Agent = agent.Command
		s.warm(t, &catalog.Warm{})
		test(t, s)
	})
}

// warm changes the snapshot that the version asks for.
func (s *testSite) warm(t *testing.T, w *catalog.Warm) catalog.Version {
	t.Helper()
	return must.Get[catalog.Version](t)(s.lib.UpdateVersion(t.Context(), siteTemplate.Version("1.0.0"),
		library.VersionSettings{Warm: w}))
}

// warmParts are the volumes and domains of warm snapshots.
func (s *testSite) warmParts(t *testing.T) (parts []string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	parts = must.Get[[]string](t)(s.VolumeNames(ctx, sitePool))
	domains, _, err := s.AllDomains(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range domains {
		parts = append(parts, d.Name)
	}
	return slices.DeleteFunc(parts, func(name string) bool { return !naming.IsWarm(name) })
}

// stepsOf are the steps of a request.
func (s *testSite) stepsOf(t *testing.T, record Record) (names []string) {
	t.Helper()
	for _, r := range must.Get[[]catalog.ProvisioningRequest](t)(s.lib.Requests.List(t.Context(),
		catalog.RequestFilter{})) {
		if r.ID.ID == record.RequestID {
			for _, step := range r.Steps {
				names = append(names, step.Name)
			}
		}
	}
	return names
}

func TestAGuestIsResumed(t *testing.T) {
	onWarmSite(t, func(t *testing.T, s *testSite) {
		saves := 0
		s.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method == "SaveMemory" {
				saves++
			}
			return fakehost.Fault{}
		}
		for range 2 {
			r := s.request("instantiate")
			r.WaitFor = []string{kind.WaitIP, kind.WaitAgent}
			r.Storage.Disks["system"] = profile.Disk{SizeGB: new(int64(2))}
			r.Network = &profile.Network{Interfaces: map[string]profile.Interface{"eth0": {}, "eth1": {}}}
			i, record, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {})
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"define", "disks", "seed", "resume", "devices", "personalise", "ready"}
			if got := s.stepsOf(t, record); record.Booted != nil || !slices.Equal(got, want) {
				t.Errorf("its steps are %q; it booted because of %v", got, record.Booted)
			}
			system := must.Get[host.Volume](t)(s.Volume(t.Context(), sitePool, systemVolume(i)))
			if system.Backing == nil || !naming.IsWarm(strings.TrimPrefix(system.Backing.Path, "/pool/")) ||
				system.Capacity != 2<<30 {
				t.Errorf("its system disk is %+v, on %+v", system, system.Backing)
			}
			if len(i.Disks) != 2 || len(i.NICs) != 2 || len(i.Addresses) != 2 {
				t.Errorf("it has the disks %+v and the interfaces %+v, with %v", i.Disks, i.NICs, i.Addresses)
			}
			if volumes := s.volumes(t); len(volumes) != 4 { // disks, seed, console; no memory
				t.Errorf("its volumes are %q", volumes)
			}
			s.remove(t, i.UUID)
		}
		if parts := s.warmParts(t); saves != 1 || len(parts) != 2 {
			t.Errorf("the memory was saved %d times; there are %q", saves, parts)
		}
		s.Inject = nil
		must.Get[Snapshot](t)(s.p.Warm(t.Context(), s.warm(t, nil)))
		if parts := s.warmParts(t); len(parts) > 0 {
			t.Errorf("no version asks for a snapshot, and there are %q", parts)
		}
	})
}

// Guests that are created together share the work of making the snapshot.
func TestGuestsAreResumedTogether(t *testing.T) {
	onWarmSite(t, func(t *testing.T, s *testSite) {
		var mu sync.Mutex
		saves := 0
		s.Inject = func(c fakehost.Call) fakehost.Fault {
			mu.Lock()
			defer mu.Unlock()
			if c.Method == "SaveMemory" {
				saves++
			}
			return fakehost.Fault{}
		}
		var group sync.WaitGroup
		macs := make([]string, 8)
		for n := range macs {
			group.Go(func() {
				r := s.request("instantiate")
				r.Name = fmt.Sprintf("web-%d", n)
				i, record, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {})
				if err != nil || record.Booted != nil {
					t.Errorf("%v, %v", err, record.Booted)
					return
				}
				macs[n] = i.NICs[0].MAC
			})
		}
		group.Wait()
		slices.Sort(macs)
		if saves != 1 || len(slices.Compact(macs)) != 8 {
			t.Errorf("the memory was saved %d times; the addresses are %q", saves, macs)
		}
	})
}

// A guest that cannot be resumed boots, or is not created if its user excludes that.
func TestAGuestThatCannotBeResumedBoots(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, s *testSite){
		"no snapshot": func(t *testing.T, s *testSite) { s.warm(t, nil) },
		"no memory": func(t *testing.T, s *testSite) {
			s.spoil(t, func(stem string) error {
				return s.DeleteVolume(t.Context(), sitePool, naming.WarmMemory(stem))
			})
		},
		"no disk": func(t *testing.T, s *testSite) {
			s.spoil(t, func(stem string) error { return s.DeleteVolume(t.Context(), sitePool, naming.WarmDisk(stem)) })
		},
		"torn memory": func(t *testing.T, s *testSite) {
			s.spoil(t, func(stem string) error {
				return s.WriteVolume(t.Context(), sitePool, naming.WarmMemory(stem), []byte("torn"))
			})
		},
		"no agent":    func(_ *testing.T, s *testSite) { s.afterSeal(-1) },
		"no entropy":  func(_ *testing.T, s *testSite) { s.afterSeal(1) },
		"no sealing":  func(_ *testing.T, s *testSite) { s.Agent = (&agenttest.Agent{Run: failing}).Command },
		"no answer":   func(_ *testing.T, s *testSite) { s.fail("ResumeMemory") },
		"copy failed": func(_ *testing.T, s *testSite) { s.fail("CopyVolume") },
	} {
		t.Run(name, func(t *testing.T) {
			onWarmSite(t, func(t *testing.T, s *testSite) {
				spoil(t, s)
				r := s.request("instantiate")
				i, record, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {})
				if err != nil || record.Booted == nil || !i.Healthy() || len(i.Disks) != 2 {
					t.Fatalf("%+v, %v; it booted because of %v", i, err, record.Booted)
				}
				system := must.Get[host.Volume](t)(s.Volume(t.Context(), sitePool, systemVolume(i)))
				if system.Backing == nil || naming.IsWarm(strings.TrimPrefix(system.Backing.Path, "/pool/")) {
					t.Errorf("its system disk stands on %+v", system.Backing)
				}
				s.remove(t, i.UUID)
				r.OnNoWarm = kind.NoWarmFail
				_, _, err = s.p.Create(t.Context(), r, func(kind.Instance, Record) { t.Error("told of an instance") })
				if _, findings := errors.AsType[finding.List](err); err == nil || findings != (name == "no snapshot") {
					t.Errorf("where it must not boot: %v", err)
				}
				s.empty(t)
			})
		})
	}
}

// A guest that is resumed although the answer was lost is the instance's.
func TestALostAnswerResumesAGuest(t *testing.T) {
	for _, method := range []string{"ResumeMemory", "AgentCommand"} {
		t.Run(method, func(t *testing.T) {
			onWarmSite(t, func(t *testing.T, s *testSite) {
				s.spoil(t, func(string) error { return nil })
				lost := false
				s.Inject = func(c fakehost.Call) fakehost.Fault {
					if c.Method == method && !lost {
						lost = true
						return fakehost.Fault{After: host.ErrNoAnswer}
					}
					return fakehost.Fault{}
				}
				_, record, err := s.p.Create(t.Context(), s.request("instantiate"), func(kind.Instance, Record) {})
				if err != nil || record.Booted != nil || !lost {
					t.Errorf("%v; it booted because of %v; the answer was lost: %t", err, record.Booted, lost)
				}
			})
		})
	}
}

// Guests that were resumed after one that could not be count against its failure.
func TestFailuresInARowMakeASnapshotUnusable(t *testing.T) {
	onWarmSite(t, func(t *testing.T, s *testSite) {
		s.spoil(t, func(string) error { return nil })
		create := func(name string, fails bool) {
			t.Helper()
			if s.Inject = nil; fails {
				s.fail("ResumeMemory")
			}
			r := s.request("instantiate")
			r.Name = name
			if _, record, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {}); err != nil ||
				(record.Booted != nil) != fails {
				t.Errorf("%s: %v; it booted because of %v", name, err, record.Booted)
			}
		}
		version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		stem := must.Get[Snapshot](t)(s.p.Snapshot(t.Context(), version)).Stem
		for n, fails := range []bool{true, true, false, true, true} {
			create(fmt.Sprintf("a%d", n), fails)
		}
		if now := must.Get[Snapshot](t)(s.p.Snapshot(t.Context(), version)); now.Failures != 2 || now.Unusable != "" {
			t.Errorf("after two failures in a row, it is %+v", now)
		}
		create("b", true)
		if now := must.Get[Snapshot](t)(s.p.Snapshot(t.Context(), version)); now.Unusable == "" || now.Stem != stem {
			t.Errorf("after three failures in a row, it is %+v", now)
		}
		create("c", false)
		if now := must.Get[Snapshot](t)(s.p.Snapshot(t.Context(), version)); now.Unusable != "" || now.Stem == stem {
			t.Errorf("made again, it is %+v", now)
		}
	})
}

// spoil makes the snapshot, and changes it.
func (s *testSite) spoil(t *testing.T, change func(stem string) error) {
	t.Helper()
	made := must.Get[Snapshot](t)(s.p.Warm(t.Context(), must.Get[catalog.Version](t)(
		s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))))
	if made.State != catalog.SnapshotReady || made.Unusable != "" {
		t.Fatalf("the snapshot is %+v", made)
	}
	if err := change(made.Stem); err != nil {
		t.Fatal(err)
	}
}

// afterSeal has guests that are resumed end their scripts with a status; -1 leaves their agents silent.
func (s *testSite) afterSeal(status int) {
	var sealed string
	agent := &agenttest.Agent{Run: func(uuid, _ string) (string, int) {
		if sealed == "" || sealed == uuid {
			sealed = uuid
			return sealedFacts, 0
		}
		return "", status
	}}
	s.Agent = func(uuid, command string) (string, error) {
		if sealed != "" && sealed != uuid && status < 0 {
			return "", host.ErrAgentUnresponsive
		}
		return agent.Command(uuid, command)
	}
}

func failing(string, string) (string, int) { return "", 1 }

// fail makes all requests of a method fail.
func (s *testSite) fail(method string) {
	s.Inject = func(c fakehost.Call) fakehost.Fault {
		if c.Method == method {
			return fakehost.Fault{Before: host.ErrInternal}
		}
		return fakehost.Fault{}
	}
}

// Any request may fail while a guest is resumed, in any way: either the instance exists and its user
// was told of it, or nothing is left but the snapshot, and the next create succeeds.
func TestAFailedResumeLeavesNothing(t *testing.T) {
	for _, how := range ways() {
		for _, snapshot := range []string{"made before", "made", "not to be made"} {
			t.Run(how+", snapshot "+snapshot, func(t *testing.T) {
				onWarmSite(t, func(t *testing.T, s *testSite) { s.resumeDisturbed(t, how, snapshot) })
			})
		}
	}
}

func (s *testSite) resumeDisturbed(t *testing.T, how, snapshot string) {
	version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
	if snapshot == "not to be made" {
		s.Agent = (&agenttest.Agent{Run: failing}).Command
	}
	var told string
	s.disturbed(t, how, func() {
		told = ""
		if snapshot == "made before" {
			must.Get[Snapshot](t)(s.p.Warm(t.Context(), version))
		}
	}, func(ctx context.Context) error {
		_, _, err := s.p.Create(ctx, s.request("instantiate"), func(i kind.Instance, _ Record) { told = i.UUID })
		return err
	}, func(err error) {
		if snapshot != "made before" { // begin without a snapshot
			bare := version
			bare.Warm = nil
			must.Get[Snapshot](t)(s.p.Warm(t.Context(), bare))
			if parts := s.warmParts(t); told == "" && len(parts) > 0 {
				t.Errorf("of the snapshot, %q are left", parts)
			}
		}
		switch {
		case told == "" || errors.Is(err, context.Canceled):
			if err == nil {
				t.Error("an instance was made, and its user was not told")
			}
			s.empty(t)
		default:
			for _, volume := range s.volumes(t) {
				if strings.HasSuffix(volume, ".save") {
					t.Errorf("the copy of the memory, %s, is left", volume)
				}
			}
			s.remove(t, told)
		}
		if snapshot != "made before" {
			if err := s.lib.Images.Warm().Collect(t.Context()); err != nil {
				t.Error(err)
			}
			if parts := s.warmParts(t); len(parts) > 0 {
				t.Errorf("of the snapshot, %q are left", parts)
			}
		}
	})
}
