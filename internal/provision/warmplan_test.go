package provision

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// planned is what a plan says of an instance that may have to boot.
func (s *testSite) planned(t *testing.T, strategy catalog.Strategy, onNoWarm string) (said string, fails bool) {
	t.Helper()
	r := s.request(strategy)
	r.OnNoWarm = onNoWarm
	template := must.Get[catalog.Template](t)(s.lib.Template(t.Context(), siteTemplate))
	version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
	b, _ := s.p.NewBlueprint(r, template, version)
	f, fails, err := s.p.WarnResume(t.Context(), r, b)
	if err != nil {
		t.Error(err)
	}
	if (f.Summary == "") != (f.Detail == "") || f.Summary != "" && f.Path.String() != "strategy" {
		t.Errorf("the finding is %+v", f)
	}
	return f.Detail, fails
}

func TestAPlanSaysWhatBecomesOfAResumedInstance(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		says := func(when string, strategy catalog.Strategy, onNoWarm, want string, wantFails bool) {
			t.Helper()
			said, fails := s.planned(t, strategy, onNoWarm)
			if fails != wantFails || (said == "") != (want == "") || !strings.Contains(said, want) {
				t.Errorf("%s, strategy %s, on_no_warm %q: %q, fails: %t; want %q", when, strategy, onNoWarm, said,
					fails,
					want)
			}
		}
		says("without a snapshot", "linked_clone", kind.NoWarmFail, "", false)
		says("without a snapshot", "instantiate", "", "set `warm` on it. The guest will boot instead", false)
		says("without a snapshot", "instantiate", kind.NoWarmFail, "set `warm` on it. Set on_no_warm to \"boot\"", true)

		s.warm(t, &catalog.Warm{})
		says("before it is made", "instantiate", kind.NoWarmFail, "", false)

		version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		snapshot := must.Get[Snapshot](t)(s.p.Warm(ctx, version)) // its guest has no agent
		if snapshot.State != catalog.SnapshotFailed {
			t.Fatalf("the snapshot is %+v", snapshot)
		}
		says("after it failed", "instantiate", kind.NoWarmBoot, "could not be made", false)
		says("after it failed", "instantiate", kind.NoWarmFail, "Set on_no_warm to \"boot\"", true)
		says("after it failed", "clone", kind.NoWarmFail, "", false)
	})
}

// A plan of many instances looks once at the snapshot, and later again.
func TestAPlanLooksOnceAtASnapshot(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		s.warm(t, &catalog.Warm{})
		template := must.Get[catalog.Template](t)(s.lib.Template(t.Context(), siteTemplate))
		version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		r := s.request("instantiate")
		b, _ := s.p.NewBlueprint(r, template, version)
		calls := 0
		s.Inject = func(fakehost.Call) (none fakehost.Fault) {
			calls++
			return none
		}
		look := func() int {
			calls = 0
			if f, _, err := s.p.WarnResume(t.Context(), r, b); err != nil || f.Summary != "" {
				t.Errorf("%+v, %v", f, err)
			}
			return calls
		}
		if first, again := look(), look(); first == 0 || again != 0 {
			t.Errorf("the first instance makes %d requests, and the next one %d", first, again)
		}
		time.Sleep(sightingAge + time.Second)
		if n := look(); n == 0 {
			t.Error("the next plan does not read the snapshot again")
		}
	})
}

// Commands for early boot have no effect in a resumed guest, and one in others.
func TestAPlanWarnsOfWhatNeedsABoot(t *testing.T) {
	early := &cloudinit.Config{UserData: "#cloud-config\nbootcmd: [[modprobe, br_netfilter]]\n"}
	for strategy, want := range map[catalog.Strategy]int{"clone": 0, "linked_clone": 0, "instantiate": 1,
		"unknown": 0} {
		v := catalog.Version{Spec: catalog.Spec{VM: catalog.VM{CloudInit: early}}, VirtualSize: 1 << 20}
		b, _ := planner().NewBlueprint(kind.Request{Strategy: strategy}, catalog.Template{Type: catalog.TypeVM}, v)
		if found := planner().NeedsBoot(b); len(found) != want {
			t.Errorf("%s: warned of %v", strategy, found)
		}
	}
}

// An instance that gets another system disk boots, whatever its version's snapshot is like.
func TestAReimageNeedsNoSnapshot(t *testing.T) {
	r := kind.Request{Strategy: "instantiate", OnNoWarm: kind.NoWarmFail}
	template, version := catalog.Template{Type: catalog.TypeVM}, catalog.Version{VirtualSize: 1 << 20}
	if _, found := planner().NewBlueprint(r, template, version); len(found) == 0 {
		t.Error("a new instance without a snapshot is not refused")
	}
	r.Boots = true
	if _, found := planner().NewBlueprint(r, template, version); len(found) > 0 {
		t.Errorf("a reimage is refused: %v", found)
	}
}
