package provision

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

func TestBareURI(t *testing.T) {
	for uri, want := range map[string]string{
		"qemu:///system": "qemu:///system",
		"qemu+ssh://root:secret@kvm1.example:2222/system?keyfile=/root/id": "qemu+ssh://kvm1.example:2222/system",
		"qemu+unix:///system?socket=/run/x":                                "qemu+unix:///system",
		"%zz":                                                              "",
	} {
		if got := bareURI(uri); got != want {
			t.Errorf("bareURI(%q) is %q, want %q", uri, got, want)
		}
	}
}

// forgetful is a catalog that accepts no requests, or only the first few.
type forgetful struct {
	catalog.Store
	begins bool
}

var errForgetful = errors.New("the disk is full")

func (f forgetful) Requests() catalog.Collection[catalog.ProvisioningRequest] {
	return forgetfulRequests{f.Store.Requests(), f.begins}
}

type forgetfulRequests struct {
	catalog.Collection[catalog.ProvisioningRequest]
	begins bool
}

func (f forgetfulRequests) Create(
	ctx context.Context, key string, r catalog.ProvisioningRequest,
) (catalog.Record[catalog.ProvisioningRequest], error) {
	if !f.begins {
		return catalog.Record[catalog.ProvisioningRequest]{}, errForgetful
	}
	return f.Collection.Create(ctx, key, r)
}

func (f forgetfulRequests) Replace(
	context.Context, string, catalog.Revision, catalog.ProvisioningRequest,
) (catalog.Record[catalog.ProvisioningRequest], error) {
	return catalog.Record[catalog.ProvisioningRequest]{}, errForgetful
}

// An instance is created even if its request cannot be recorded, and the record says so.
func TestAccUnrecordedInstanceIsMadeAllTheSame(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	pool, _ := host.Pool(t, "unrecorded-"+strings.ToLower(rand.Text()[:8]))
	s := stressed{URI: host.URI, Pool: pool, Image: stressImage(t, 64<<10), Other: stressImage(t, 32<<10)}
	l, p, done := s.open()
	t.Cleanup(done)
	s.prepare(t, l)
	t.Cleanup(func() { s.clear(t, host, l, p) })
	for name, begins := range map[string]bool{"neither": false, "begins": true} {
		h, err := libvirt.New(libvirt.Options{URI: host.URI})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close() //nolint:revive // there are two
		store := poolstore.New(h, pool)
		failing := library.New(library.Options{
			Images: imagestore.New(imagestore.Options{Host: h, Pool: pool, Documents: store, Tenant: "default"}),
			Store:  forgetful{store, begins}, User: "tester",
		})
		provisioner := New(Settings{Host: h, Library: failing, Kinds: machines})
		request := kind.Request{
			Name: pool + "-" + name, Template: stressTemplate, Version: stressVersions[0], Strategy: "clone",
		}
		made, record, err := provisioner.Create(t.Context(), request, func(kind.Instance, Record) {})
		if err != nil || made.UUID == "" {
			t.Fatalf("%s: %v", name, err)
		}
		if !errors.Is(record.Unrecorded, errForgetful) || record.Status != "completed" || record.Error != "" {
			t.Errorf("%s: the record says %+v", name, record)
		}
	}
	requests, err := l.Requests.List(t.Context(), catalog.RequestFilter{})
	if err != nil || len(requests) != 1 || requests[0].Status != catalog.RequestRunning {
		t.Errorf("the catalog has %+v, %v", requests, err)
	}
}

// A request that began unrecorded, because the catalog could not be written just then, is recorded
// when it is over.
func TestAccRequestIsRecordedAtItsEndAtLeast(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	pool, _ := host.Pool(t, "late-"+strings.ToLower(rand.Text()[:8]))
	l, _, done := stressed{URI: host.URI, Pool: pool}.open()
	t.Cleanup(done)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	entry, err := l.Requests.Begin(cancelled, l.Requests.New(catalog.ProvisioningRequest{
		Status: catalog.RequestRunning, CreatedAt: now(),
	}))
	if err == nil {
		t.Fatal("a cancelled request has begun")
	}
	entry.Value.Status = catalog.RequestCancelled
	if err := l.Requests.End(cancelled, entry); err != nil {
		t.Fatal(err)
	}
	requests, err := l.Requests.List(t.Context(), catalog.RequestFilter{})
	if err != nil || len(requests) != 1 || requests[0].Status != catalog.RequestCancelled ||
		requests[0].RequestedBy != "tester" {
		t.Errorf("the catalog has %+v, %v", requests, err)
	}
}

// request is the newest request in the catalog.
func (s *testSite) recorded(t *testing.T) catalog.ProvisioningRequest {
	t.Helper()
	all := must.Get[[]catalog.ProvisioningRequest](t)(s.lib.Requests.List(context.WithoutCancel(t.Context()),
		catalog.RequestFilter{}))
	if len(all) == 0 {
		t.Fatal("there is no request")
	}
	newest := all[0]
	for _, r := range all {
		if r.CreatedAt.After(newest.CreatedAt) {
			newest = r
		}
	}
	return newest
}

func TestARequestIsRecordedHoweverItEnds(t *testing.T) {
	refused := errors.New("not today")
	for name, c := range map[string]struct {
		fault  func(cancel func()) fakehost.Fault
		status catalog.RequestStatus
		says   string
	}{
		"completed": {func(func()) fakehost.Fault { return fakehost.Fault{} }, catalog.RequestCompleted, ""},
		"failed": {func(func()) fakehost.Fault { return fakehost.Fault{Before: refused} }, catalog.RequestFailed,
			"not today"},
		"cancelled": {func(cancel func()) fakehost.Fault {
			cancel()
			return fakehost.Fault{}
		}, catalog.RequestCancelled,
			"cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				var during catalog.ProvisioningRequest
				s.Inject = func(call fakehost.Call) fakehost.Fault {
					if call.Method == "StartDomain" {
						return c.fault(cancel)
					}
					return fakehost.Fault{}
				}
				var observed []string
				s.p.observe = func(_ context.Context, _ string, st step.Step, _ error) {
					if observed = append(observed, st.Name); st.Name == "seed" {
						during = s.recorded(t)
					}
				}
				i, record, _ := s.p.Create(ctx, s.request("clone"), func(kind.Instance, Record) {})
				s.Inject = nil
				if during.Status != catalog.RequestRunning || during.Instance != "web" ||
					during.Deadline.Sub(during.CreatedAt) < time.Hour {
					t.Errorf("while it is at work, it is recorded as %+v", during)
				}
				r := s.recorded(t)
				if r.Status != c.status || string(c.status) != record.Status || !strings.Contains(r.Error, c.says) ||
					r.UUID != i.UUID ||
					r.ID.ID != record.RequestID || r.RequestedBy != "tester" || r.Strategy != "clone" ||
					r.CompletedAt == nil {
					t.Errorf("it is recorded as %+v, and told as %+v", r, record)
				}
				var names []string
				for _, st := range r.Steps {
					names = append(names, st.Name)
				}
				if want := []string{"define", "disks", "seed", "start"}; !slices.Equal(names, want) ||
					!slices.Equal(observed, want) {
					t.Errorf("its steps are recorded as %q, and observed as %q", names, observed)
				}
				if c.status != catalog.RequestCompleted {
					s.empty(t)
				}
			})
		})
	}
}

// A create that takes no time is written down once, when it is over. The domain says meanwhile who
// works on it.
func TestAShortCreateIsWrittenDownOnce(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("linked_clone")
		var meanwhile []catalog.ProvisioningRequest
		written := 0
		s.p.observe = func(ctx context.Context, _ string, st step.Step, _ error) {
			if st.Name == "start" {
				meanwhile = must.Get[[]catalog.ProvisioningRequest](t)(
					s.lib.Requests.List(ctx, catalog.RequestFilter{}))
			}
		}
		s.Inject = func(call fakehost.Call) fakehost.Fault {
			if call.Method == "WriteVolume" && strings.Contains(call.Object, "request") {
				written++
			}
			return fakehost.Fault{}
		}
		i, record, err := s.p.Create(t.Context(), r, func(kind.Instance, Record) {})
		s.Inject = nil
		if err != nil || len(meanwhile) > 0 || written != 1 {
			t.Errorf("it was written down %d times, and meanwhile there were %+v, %v", written, meanwhile, err)
		}
		if made := s.recorded(t); made.ID.ID != record.RequestID || made.ID.ID != i.Facts.Provision.Request ||
			made.Status != catalog.RequestCompleted {
			t.Errorf("it is recorded as %+v, and told as %+v", made, record)
		}
	})
}

// If the process of such a create dies before it has written it down, the next create of the name
// does so.
func TestALostCreateIsRecordedByTheNextOne(t *testing.T) {
	for name, c := range map[string]struct {
		completed bool
		want      catalog.RequestStatus
	}{
		"of an instance that is taken over": {true, catalog.RequestCompleted},
		"of remains":                        {false, catalog.RequestFailed},
	} {
		t.Run(name, func(t *testing.T) {
			onSite(t, func(t *testing.T, s *testSite) {
				lost := s.orphan(t, s.request("linked_clone"))
				s.note(t, lost.UUID, func(f *metadata.Facts) {
					f.Provision.Request = "LOST"
					if !c.completed {
						f.Provision.Completed = nil
					}
				})
				s.p = s.provisioner(s.process())
				i := s.made(t, s.request("linked_clone"))
				if (i.UUID == lost.UUID) != c.completed {
					t.Errorf("the instance is %s, and was %s", i.UUID, lost.UUID)
				}
				all := must.Get[[]catalog.ProvisioningRequest](t)(
					s.lib.Requests.List(t.Context(), catalog.RequestFilter{}))
				n := slices.IndexFunc(all, func(r catalog.ProvisioningRequest) bool { return r.ID.ID == "LOST" })
				if n < 0 {
					t.Fatalf("recorded are %+v", all)
				}
				if r := all[n]; r.Status != c.want || r.RequestedBy != "tester" || r.UUID != lost.UUID ||
					(r.Error == "") != c.completed || (r.CompletedAt != nil) != c.completed ||
					r.Template != siteTemplate.String() || r.Version != "1.0.0" {
					t.Errorf("it is recorded as %+v", r)
				}
			})
		})
	}
}

// A guest's output is shown to its user, and never kept.
func TestWhatAGuestSaidIsNotRecorded(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		r.WaitFor = []string{kind.WaitAgent}
		s.Console = func(host.Domain) []byte { return []byte("password: hunter2\n") }
		ctx, cancel := context.WithTimeout(t.Context(), waitsInTest)
		defer cancel()
		_, record, err := s.p.Create(ctx, r, func(kind.Instance, Record) {})
		if err == nil || !strings.Contains(err.Error(), "hunter2") {
			t.Errorf("its user is told %v", err)
		}
		if kept := s.recorded(t); strings.Contains(kept.Error+record.Error, "hunter2") ||
			!strings.Contains(kept.Error, `"agent"`) {
			t.Errorf("there is kept %q, and told %q", kept.Error, record.Error)
		}
	})
}

func TestAReimageIsRecordedWithItsSteps(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		uuid := s.made(t, r).UUID
		time.Sleep(time.Second) // requests are distinguished by the second
		if _, err := s.reimaged(t.Context(), uuid, r); err != nil {
			t.Fatal(err)
		}
		got := s.recorded(t)
		var names []string
		for _, st := range got.Steps {
			names = append(names, st.Name)
		}
		if got.Action != catalog.ActionReimage || got.UUID != uuid ||
			!slices.Equal(names, []string{"disks", "shutdown", "seed", "define", "start"}) {
			t.Errorf("it is recorded as %+v", got)
		}
		// The same version again is an update.
		time.Sleep(time.Second)
		if _, err := s.reimaged(t.Context(), uuid, r); err != nil {
			t.Fatal(err)
		}
		if got := s.recorded(t); got.Action != catalog.ActionReimage || len(got.Steps) > 0 ||
			got.Status != catalog.RequestCompleted {
			t.Errorf("the same version is recorded as %+v", got)
		}
		s.remove(t, uuid)
	})
}
