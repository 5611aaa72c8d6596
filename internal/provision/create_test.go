package provision

import (
	"context"
	"encoding/xml"
	"errors"
	"reflect"
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
				for _, step := range s.recorded(t).Steps {
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

// counted counts the requests of some methods during do.
func (s *testSite) counted(do func(), methods ...string) (n int) {
	var mu sync.Mutex
	s.Inject = func(call fakehost.Call) fakehost.Fault {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(methods, call.Method) {
			n++
		}
		return fakehost.Fault{}
	}
	defer func() { s.Inject = nil }()
	do()
	return n
}

// Creates that follow within a second share what they read, unless this process changes it.
func TestCreatesShareWhatTheyRead(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		create := func(name string) func() {
			return func() {
				r := s.request("linked_clone")
				r.Name = name
				s.made(t, r)
			}
		}
		const pool, document = "Pool", "ReadVolume"
		create("0")() // creates the document of the requests
		time.Sleep(2 * time.Second)
		first, second := s.counted(create("a"), pool, document), s.counted(create("b"), pool, document)
		if first-second < 4 { // two pools, and the documents of the template, its version and its image
			t.Errorf("a create makes %d such requests, and the next one %d", first, second)
		}
		change := func(t *catalog.Template) { t.Description = "changed" }
		must.Get[catalog.Template](t)(s.lib.UpdateTemplate(t.Context(), siteTemplate, change))
		if changed := s.counted(create("c"), document); changed <= s.counted(create("d"), document) {
			t.Errorf("after a change of the template, a create reads %d documents", changed)
		}
		time.Sleep(2 * time.Second)
		if later := s.counted(create("e"), pool, document); later < second+4 {
			t.Errorf("two seconds later, a create makes %d such requests, and %d before", later, second)
		}
	})
}

// An instance that is not started is told as its host has it, although it was not read again.
func TestAnInstanceThatIsOffIsToldAsItWasDefined(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		for _, autostart := range []bool{true, false} {
			r := s.request("linked_clone")
			r.Running, r.Autostart = false, autostart
			var first kind.Instance
			told, _, err := s.p.Create(t.Context(), r, func(i kind.Instance, _ Record) { first = i })
			read := must.Get[kind.Instance](t)(s.p.Read(t.Context(), told.UUID))
			read.Facts.XMLName, told.Facts.XMLName = xml.Name{}, xml.Name{}
			if err != nil || !reflect.DeepEqual(told, read) || first.UUID != told.UUID || first.Autostart != autostart {
				t.Errorf("told as %+v, then as %+v, %v, and it reads as %+v", first, told, err, read)
			}
			s.remove(t, told.UUID)
		}
	})
}

// What a dead create has left makes way even if the host refuses the definition for another reason.
func TestRemainsMakeWayForWhateverTheyHold(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		remains := s.orphan(t, r)
		s.note(t, remains.UUID, func(f *metadata.Facts) { f.Provision.Completed = nil })
		s.p = s.provisioner(s.process())
		refused, cleared := 0, false
		s.Inject = func(call fakehost.Call) fakehost.Fault {
			switch {
			case call.Method == "UndefineDomain" && call.Object == remains.UUID:
				cleared = true
			case call.Method == "DefineDomain" && !cleared:
				refused++
				return fakehost.Fault{Before: host.ErrInternal}
			}
			return fakehost.Fault{}
		}
		i := s.made(t, r)
		s.Inject = nil
		if refused != 1 || !slices.Equal(s.UUIDs(), []string{i.UUID}) {
			t.Errorf("after %d refusals there are %q", refused, s.UUIDs())
		}
	})
}
