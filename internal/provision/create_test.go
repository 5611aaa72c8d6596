package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/readiness"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

func TestAnInstanceIsMadeAndRemoved(t *testing.T) {
	for _, how := range strategy.All() {
		t.Run(string(how.Name()), func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				ctx := t.Context()
				told := 0
				r := s.request(how.Name())
				r.WaitFor = []string{kind.WaitIP}
				i, record, err := s.p.Create(ctx, r, func(i kind.Instance, _ Record) {
					told++
					if i.UUID == "" || !i.Running() {
						t.Errorf("told of %+v", i)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				var steps []string
				for _, step := range record.Steps {
					steps = append(steps, step.Name)
				}
				if want := []string{"define", "disks", "seed", "start", "ready"}; told != 1 ||
					!slices.Equal(steps, want) ||
					record.Status != "completed" {
					t.Errorf("told %d times; the record has %q, %s", told, steps, record.Status)
				}
				d := must.Get[host.Domain](t)(s.Domain(ctx, i.UUID))
				if d.Name != naming.Domain(naming.DefaultTenant, "web") || d.State != host.StateRunning ||
					!d.Autostart ||
					d.Type != "qemu" {
					t.Errorf("the domain is %+v", d)
				}
				if i.Facts.Strategy != how.Name() || i.Facts.Version != "1.0.0" || !i.Healthy() ||
					len(i.Addresses) != 1 {
					t.Errorf("the instance is %+v", i)
				}
				system := must.Get[host.Volume](t)(s.Volume(ctx, sitePool, systemVolume(i)))
				if linked := system.Backing != nil; linked != how.HoldsBase() {
					t.Errorf("the system disk stands on %+v", system.Backing)
				}
				if volumes := s.volumes(t); len(volumes) != 4 { // disks, seed, console
					t.Errorf("its volumes are %q", volumes)
				}
				s.remove(t, i.UUID)
			})
		})
	}
}

// systemVolume names the volume of the system disk.
func systemVolume(i kind.Instance) string { return i.Disks[0].Path[len("/pool/"):] }

// Any request of a create may fail, in any way: either the instance exists and its user was told of
// it, or nothing is left and the next create succeeds.
func TestAFailedCreateLeavesNothing(t *testing.T) {
	for _, how := range ways() {
		for _, name := range strategy.Names() {
			t.Run(how+" "+name, func(t *testing.T) {
				onSite(t, func(t *testing.T, s *testSite) {
					var told string
					s.disturbed(t, how, func() { told = "" }, func(ctx context.Context) error {
						r := s.request(catalog.Strategy(name))
						r.WaitFor = []string{kind.WaitIP}
						_, _, err := s.p.Create(ctx, r, func(i kind.Instance, _ Record) { told = i.UUID })
						return err
					}, func(err error) {
						if told == "" || errors.Is(err, context.Canceled) {
							if err == nil {
								t.Error("an instance was made, and its user was not told")
							}
							s.empty(t)
							return
						}
						s.remove(t, told)
					})
				})
			})
		}
	}
}

func TestTakenNamesAreRefused(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		i := s.made(t, r)
		before := s.volumes(t)
		_, _, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) { t.Error("told of a second instance") })
		if _, taken := errors.AsType[*planning.TakenError](err); !taken {
			t.Errorf("got %v", err)
		}
		if after := s.volumes(t); !slices.Equal(after, before) || len(s.UUIDs()) != 1 {
			t.Errorf("there are %q and %q", s.UUIDs(), after)
		}
		s.remove(t, i.UUID)

		foreign := must.Get[host.Domain](t)(s.DefineDomain(t.Context(),
			host.DomainSpec{Name: naming.Domain(naming.DefaultTenant,
				"web"), Type: "qemu"}))
		if _, _, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {}); err == nil {
			t.Error("the domain of others made way")
		}
		if _, err := s.Domain(t.Context(), foreign.UUID); err != nil {
			t.Error(err)
		}
	})
}

// A guest that gets no address is left for its user to look into.
func TestAnInstanceThatIsNotReadyIsKept(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.WaitFor = []string{kind.WaitAgent} // and the guest has none
		s.Console = func(host.Domain) []byte { return []byte("Kernel panic\n") }
		var told string
		ctx, cancel := context.WithTimeout(t.Context(), waitsInTest)
		defer cancel()
		_, record, err := s.p.Create(ctx, r, func(i kind.Instance, _ Record) { told = i.UUID })
		unready, ok := errors.AsType[*readiness.Error](err)
		if !ok || unready.Condition != kind.WaitAgent || !strings.Contains(unready.Console, "Kernel panic") ||
			record.Status != "failed" {
			t.Fatalf("got %v; the record is %+v", err, record)
		}
		if i, err := s.p.Read(t.Context(), told); err != nil || !i.Running() {
			t.Errorf("it is %+v, %v", i, err)
		}
		s.remove(t, told)
	})
}

func TestAnAgentThatAnswersMakesAnInstanceReady(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		asked := 0
		s.Agent = func(string, string) (string, error) {
			if asked++; asked < 3 { // the guest is booting
				return "", host.ErrAgentUnresponsive
			}
			return `{"return":{}}`, nil
		}
		r := s.request("clone")
		r.WaitFor = []string{kind.WaitAgent}
		i := s.made(t, r)
		if asked < 3 {
			t.Errorf("the agent was asked %d times", asked)
		}
		s.Agent = nil
		s.remove(t, i.UUID)
	})
}

// waitsInTest is how long a test waits for a guest that is never ready, by a clock that does not
// wait.
const waitsInTest = 10 * time.Minute
