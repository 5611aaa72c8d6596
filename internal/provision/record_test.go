package provision

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

func TestBareURI(t *testing.T) {
	for uri, want := range map[string]string{
		"qemu:///system": "qemu:///system",
		"qemu+ssh://root:secret@kvm1.example.com:2222/system?keyfile=/root/id": "qemu+ssh://kvm1.example.com:2222/system",
		"qemu+unix:///system?socket=/run/x":                                    "qemu+unix:///system",
		"%zz":                                                                  "",
	} {
		if got := bareURI(uri); got != want {
			t.Errorf("bareURI(%q) is %q, want %q", uri, got, want)
		}
	}
}

// forgetful is a catalogue that takes no requests, or only those that come first.
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

func (f forgetfulRequests) Create(ctx context.Context, key string, r catalog.ProvisioningRequest) (catalog.Record[catalog.ProvisioningRequest], error) {
	if !f.begins {
		return catalog.Record[catalog.ProvisioningRequest]{}, errForgetful
	}
	return f.Collection.Create(ctx, key, r)
}

func (f forgetfulRequests) Replace(context.Context, string, catalog.Revision, catalog.ProvisioningRequest) (catalog.Record[catalog.ProvisioningRequest], error) {
	return catalog.Record[catalog.ProvisioningRequest]{}, errForgetful
}

// An instance is made also where its request cannot be recorded, and the record says so.
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
			Store:  forgetful{store, begins}, Me: catalog.Principal{Tenant: "default", User: "tester"},
		})
		provisioner := New(Settings{Host: h, Library: failing, Kinds: machines})
		request := kind.Request{Name: pool + "-" + name, Template: stressTemplate, Version: stressVersions[0]}
		made, record, err := provisioner.Create(t.Context(), request, func(kind.Instance, Record) {})
		if err != nil || made.UUID == "" {
			t.Fatalf("%s: %v", name, err)
		}
		if !errors.Is(record.Unrecorded, errForgetful) || record.Status != "completed" || record.Error != "" {
			t.Errorf("%s: the record says %+v", name, record)
		}
	}
	requests, err := l.Requests(t.Context(), catalog.RequestFilter{})
	if err != nil || len(requests) != 1 || requests[0].Status != catalog.RequestRunning {
		t.Errorf("the catalogue has %+v, %v", requests, err)
	}
}

// What began unrecorded, because the catalogue could not be written just then, is recorded when it
// is over.
func TestAccRequestIsRecordedAtItsEndAtLeast(t *testing.T) {
	host := acctest.RequireHost(t)
	t.Parallel()
	pool, _ := host.Pool(t, "late-"+strings.ToLower(rand.Text()[:8]))
	l, _, done := stressed{URI: host.URI, Pool: pool}.open()
	t.Cleanup(done)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	entry, err := l.BeginRequest(cancelled, catalog.ProvisioningRequest{
		ID: catalog.RequestID{ID: "a"}, Status: catalog.RequestRunning, CreatedAt: now(),
	})
	if err == nil {
		t.Fatal("a cancelled request has begun")
	}
	entry.Value.Status = catalog.RequestCancelled
	if err := l.EndRequest(cancelled, entry); err != nil {
		t.Fatal(err)
	}
	requests, err := l.Requests(t.Context(), catalog.RequestFilter{})
	if err != nil || len(requests) != 1 || requests[0].Status != catalog.RequestCancelled || requests[0].RequestedBy != "tester" {
		t.Errorf("the catalogue has %+v, %v", requests, err)
	}
}
