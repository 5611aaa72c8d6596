package provision

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

var noted = hostid.ID{} // nothing

// note changes what the metadata of an instance say about its creation.
func (s *testSite) note(t *testing.T, uuid string, change func(*metadata.Facts)) {
	t.Helper()
	d := must.Get[host.Domain](t)(s.Domain(t.Context(), uuid))
	facts := must.Get[metadata.Facts](t)(metadata.Parse(d.Metadata))
	change(&facts)
	if err := writeFacts(t.Context(), s.Host, uuid, facts); err != nil {
		t.Fatal(err)
	}
}

// orphan is an instance whose process died before it could report it.
func (s *testSite) orphan(t *testing.T, r kind.Request) kind.Instance {
	t.Helper()
	i := s.made(t, r)
	s.note(t, i.UUID, func(f *metadata.Facts) { f.Provision.Runner = leasetest.Dead(t) })
	return i
}

// calls are the requests that an operation makes.
func (s *testSite) calls(made *[]string, do func() (kind.Instance, error)) (kind.Instance, error) {
	s.Inject = func(c fakehost.Call) fakehost.Fault {
		*made = append(*made, c.Method)
		return fakehost.Fault{}
	}
	defer func() { s.Inject = nil }()
	return do()
}

func TestAnOrphanIsTakenOverByTheSameRequest(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		orphan := s.orphan(t, r)
		next := s.provisioner(s.process())
		if err := next.CheckName(t.Context(), "web"); err != nil {
			t.Errorf("a plan refuses the name: %v", err)
		}
		var told string
		r.Description = "changed since"
		i, record, err := next.Create(t.Context(), r, func(i kind.Instance, _ Record) { told = i.UUID })
		if err != nil || i.UUID != orphan.UUID || told != orphan.UUID || i.Description != "changed since" ||
			!i.Running() {
			t.Errorf("told of %q, it is %+v, %v", told, i, err)
		}
		all := must.Get[[]catalog.ProvisioningRequest](t)(
			s.lib.Requests.List(t.Context(), catalog.RequestFilter{}))
		steps := all[slices.IndexFunc(all, func(q catalog.ProvisioningRequest) bool {
			return q.ID.ID == record.RequestID
		})].Steps
		if n := len(steps); n == 0 || steps[n-1].Name != "take over" || record.Status != "completed" {
			t.Errorf("the record is %+v, its steps are %+v", record, steps)
		}
		// From now on it is in a state, once this process has said so.
		if err := next.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i := must.Get[kind.Instance](t)(next.Read(t.Context(), orphan.UUID)); i.Facts.Provision.Runner != "" {
			t.Errorf("it is of the process %q", i.Facts.Provision.Runner)
		}
		_, _, err = s.provisioner(s.process()).Create(t.Context(), r,
			func(kind.Instance, Record) { t.Error("taken over twice") })
		if _, taken := errors.AsType[*planning.TakenError](err); !taken {
			t.Errorf("taken over again: %v", err)
		}
		s.remove(t, orphan.UUID)
	})
}

// Terraform may remove an orphan at one address and create the same instance at another, in no order. A
// create that finds the orphan half removed waits for the rest.
func TestAnOrphanThatIsBeingRemovedMakesWay(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		s.orphan(t, r)
		l := s.process()
		next := s.provisioner(l)
		end, _ := l.Removals.Begin("something else")
		var once sync.Once
		disk := naming.Disk(naming.DefaultTenant, "web", "system", "qcow2")
		s.Inject = func(c fakehost.Call) (fault fakehost.Fault) {
			if c.Method == "Volume" && strings.HasSuffix(c.Object, disk) {
				once.Do(func() {
					fault.Before = host.ErrNoVolume // the removal has deleted it
					time.AfterFunc(time.Second, end)
				})
			}
			return fault
		}
		i, _, err := next.Create(t.Context(), r, func(kind.Instance, Record) {})
		s.Inject = nil
		once.Do(func() { t.Error("the create has not looked at the disk") })
		if err != nil {
			t.Errorf("got %v", err)
		}
		s.remove(t, i.UUID)
	})
}

// An instance that differs from the request belongs to another user: the name is taken.
func TestAnOrphanOfAnotherRequestHasItsName(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *testSite, *kind.Request, *metadata.Facts){
		"another version": func(_ *testing.T, _ *testSite, r *kind.Request, _ *metadata.Facts) { r.Version = "2.0.0" },
		"another strategy": func(_ *testing.T, _ *testSite, r *kind.Request, _ *metadata.Facts) {
			r.Strategy = "clone"
		},
		"another user": func(_ *testing.T, _ *testSite, _ *kind.Request, f *metadata.Facts) {
			f.Provision.RequestedBy = "somebody"
		},
		"another image": func(_ *testing.T, _ *testSite, _ *kind.Request, f *metadata.Facts) { f.Digest = "sha256:0" },
		"another parameter": func(_ *testing.T, _ *testSite, _ *kind.Request, f *metadata.Facts) {
			f.Parameters = []metadata.Setting{{Key: "a"}}
		},
		"a maker that lives": func(_ *testing.T, _ *testSite, _ *kind.Request, f *metadata.Facts) {
			f.Provision.Runner = lease.This()
		},
		"a smaller disk": func(t *testing.T, s *testSite, _ *kind.Request, _ *metadata.Facts) {
			if err := s.ResizeVolume(
				t.Context(), siteTier, "nova.disk.default.web.data.qcow2", "qcow2", 2<<30,
			); err != nil {
				t.Fatal(err)
			}
		},
		"another boot disk": func(_ *testing.T, _ *testSite, r *kind.Request, _ *metadata.Facts) {
			yes, one := true, int64(1)
			r.Storage = &profile.Storage{Disks: map[string]profile.Disk{"system": {},
				"data": {SizeGB: &one, Tier: r.Storage.Disks["data"].Tier, Boot: &yes}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				r := s.request("linked_clone")
				orphan := s.orphan(t, r)
				s.note(t, orphan.UUID, func(f *metadata.Facts) { change(t, s, &r, f) })
				_, _, err := s.provisioner(s.process()).Create(t.Context(), r, func(kind.Instance,
					Record) {
					t.Error("it was taken over")
				})
				if _, taken := errors.AsType[*planning.TakenError](err); !taken {
					t.Errorf("got %v", err)
				}
				if i, err := s.p.Read(t.Context(), orphan.UUID); err != nil || !i.Running() {
					t.Errorf("it is %+v, %v", i, err)
				}
				s.remove(t, orphan.UUID)
			})
		})
	}
}

// What a dead create has left makes way, with its volumes. What a live one is creating does not.
func TestRemainsMakeWayOnceTheirMakerIsDead(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*metadata.Facts)
		way    bool
	}{
		"dead":           {func(f *metadata.Facts) { f.Provision.Runner = "" }, false}, // no process is recorded
		"certainly dead": {nil, true},
		"alive":          {func(f *metadata.Facts) { f.Provision.Runner = lease.This() }, false},
		"alive, and overdue": {func(f *metadata.Facts) {
			f.Provision.Runner, f.Provision.Deadline = lease.This(),
				time.Time{}
		}, true},
		"of an older release":  {func(f *metadata.Facts) { f.Provision.Runner = "host/1" }, false},
		"another tenant's":     {func(f *metadata.Facts) { f.Tenant = "other" }, false},
		"another name's":       {func(f *metadata.Facts) { f.Name = "other" }, false},
		"dead, and unmakeable": {func(f *metadata.Facts) { f.Frozen = "damaged" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				r := s.request("clone")
				remains := s.orphan(t, r)
				s.note(t, remains.UUID, func(f *metadata.Facts) {
					f.Provision.Completed = nil
					if c.change != nil {
						c.change(f)
					}
				})
				next := s.provisioner(s.process())
				if err := next.CheckName(t.Context(), "web"); (err == nil) != (c.way ||
					!strings.Contains(name, "another ")) {
					t.Errorf("while planning: %v", err)
				}
				i, _, err := next.Create(t.Context(), r, func(kind.Instance, Record) {})
				if (err == nil) != c.way {
					t.Fatalf("got %v", err)
				}
				if !c.way {
					if _, ok := errors.AsType[finding.List](err); !ok ||
						!slices.Equal(s.UUIDs(), []string{remains.UUID}) {
						t.Errorf("there are %q, %v", s.UUIDs(), err)
					}
					return
				}
				if i.UUID == remains.UUID || len(s.UUIDs()) != 1 || len(s.volumes(t)) != 4 {
					t.Errorf("there are %q with %q", s.UUIDs(), s.volumes(t))
				}
				s.remove(t, i.UUID)
			})
		})
	}
}

// A process confirms every instance that it has reported, and none that has been removed since.
func TestAProcessConfirmsWhatItHasToldOf(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		var uuids []string
		for _, name := range []string{"a", "b", "c"} {
			r := s.request("clone")
			r.Name = name
			i := s.made(t, r)
			if i.Facts.Provision.Runner != lease.This() {
				t.Errorf("%s is of the process %q", name, i.Facts.Provision.Runner)
			}
			uuids = append(uuids, i.UUID)
		}
		if err := s.p.Delete(t.Context(), 0, uuids[1], naming.DefaultTenant, "b", noted); err != nil {
			t.Fatal(err)
		}
		if err := s.p.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, uuid := range []string{uuids[0], uuids[2]} {
			i := must.Get[kind.Instance](t)(s.p.Read(t.Context(), uuid))
			if i.Facts.Provision.Runner != "" || i.Drifted() {
				t.Errorf("%s is of the process %q; drifted: %t", i.Facts.Name, i.Facts.Provision.Runner, i.Drifted())
			}
		}
		var calls []string
		_, err := s.calls(&calls, func() (kind.Instance, error) { return kind.Instance{}, s.p.Confirm(t.Context()) })
		if err != nil || len(calls) > 0 {
			t.Errorf("confirming again makes the requests %q, %v", calls, err)
		}
	})
}

// An instance that was updated is in a state, regardless of which process created it.
func TestAnUpdateIsConfirmed(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		orphan := s.orphan(t, r)
		s.p = s.provisioner(s.process())
		if _, err := s.update(t.Context(), orphan.UUID, r, false); err != nil {
			t.Fatal(err)
		}
		if err := s.p.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if i := must.Get[kind.Instance](t)(s.p.Read(t.Context(), orphan.UUID)); i.Facts.Provision.Runner != "" {
			t.Errorf("it is of the process %q", i.Facts.Provision.Runner)
		}
		s.remove(t, orphan.UUID)
	})
}
