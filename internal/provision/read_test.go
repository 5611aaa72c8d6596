package provision

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestAnInstanceIsLookedUpByWhatNamesIt(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		r := s.request("clone")
		i := s.made(t, r)
		odd := r
		odd.Name = "11111111-1111-4111-8111-111111111111" // a name may look like a UUID
		byName := s.made(t, odd)
		for ref, want := range map[string]string{
			"web": i.UUID, "default/web": i.UUID, i.UUID: i.UUID, odd.Name: byName.UUID,
			"other/web": "", "nothing": "", "22222222-2222-4222-8222-222222222222": "", "": "",
		} {
			got, err := s.p.Lookup(t.Context(), ref)
			if want == "" && !errors.Is(err, ErrNotFound) || want != "" && (err != nil || got.UUID != want) {
				t.Errorf("%q is %q, %v, want %q", ref, got.UUID, err, want)
			}
		}
		if _, err := s.p.Own(t.Context(), "web"); !errors.Is(err, ErrNotFound) {
			t.Errorf("a name that is no UUID: %v", err)
		}
		s.note(t, i.UUID, func(f *metadata.Facts) { f.Tenant = "other" })
		for name, read := range map[string]func() (kind.Instance, error){
			"Own":    func() (kind.Instance, error) { return s.p.Own(t.Context(), i.UUID) },
			"Lookup": func() (kind.Instance, error) { return s.p.Lookup(t.Context(), i.UUID) },
		} {
			if _, err := read(); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s of another tenant's: %v", name, err)
			}
		}
		if other, err := s.p.Read(t.Context(), i.UUID); err != nil || other.Facts.Tenant != "other" {
			t.Errorf("it reads as %+v, %v", other.Facts, err)
		}
	})
}

// An instance counts as missing only if its host says so itself.
func TestOnlyAHostThatAnswersHasNoInstance(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		for _, failure := range []error{host.ErrUnreachable, host.ErrNoAnswer, host.ErrInternal} {
			s.Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: failure} }
			for name, read := range map[string]func() (kind.Instance, error){
				"Read":    func() (kind.Instance, error) { return s.p.Read(t.Context(), "x") },
				"Find":    func() (kind.Instance, error) { return s.p.Find(t.Context(), "default", "web") },
				"Refresh": func() (kind.Instance, error) { return s.p.Refresh(t.Context(), "x") },
				"Lookup":  func() (kind.Instance, error) { return s.p.Lookup(t.Context(), "web") },
			} {
				if _, err := read(); errors.Is(err, ErrNotFound) || !errors.Is(err, failure) {
					t.Errorf("%s after %v: %v", name, failure, err)
				}
			}
		}
	})
}

func TestADomainWithoutReadableMetadataIsNoInstance(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		i := s.made(t, s.request("clone"))
		for text, want := range map[string]error{
			"": ErrForeign, "<broken": catalog.ErrDamaged, "<a/>": catalog.ErrDamaged,
		} {
			if err := s.RedefineDomain(t.Context(), i.UUID, host.DomainChange{Metadata: &text}); err != nil {
				t.Fatal(err)
			}
			_, err := s.p.Read(t.Context(), i.UUID)
			if !errors.Is(err, want) || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), i.DomainName) {
				t.Errorf("with %q: %v", text, err)
			}
		}
	})
}

// A refresh of many instances asks for the state of all domains once in a while, and again after a
// change.
func TestARefreshOfManyAsksOnce(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		var uuids []string
		for _, name := range []string{"a", "b", "c"} {
			r := s.request("clone")
			r.Name = name
			uuids = append(uuids, s.made(t, r).UUID)
		}
		asked := func(do func()) (n int) {
			s.Inject = func(c fakehost.Call) fakehost.Fault {
				if c.Method == "Statuses" {
					n++
				}
				return fakehost.Fault{}
			}
			defer func() { s.Inject = nil }()
			do()
			return n
		}
		refresh := func() {
			for _, uuid := range uuids {
				i := must.Get[kind.Instance](t)(s.p.Refresh(t.Context(), uuid))
				if size, known := i.Size("data"); !known || size != 1<<30 || len(i.Addresses) != 1 {
					t.Errorf("it is %+v, its disk of %d bytes known: %t", i, size, known)
				}
			}
		}
		if n := asked(refresh); n != 1 {
			t.Errorf("a refresh asks %d times", n)
		}
		if n := asked(refresh); n != 0 {
			t.Errorf("a refresh right after it asks %d times", n)
		}
		time.Sleep(statusAge + time.Second)
		if n := asked(refresh); n != 1 {
			t.Errorf("a refresh later asks %d times", n)
		}
		if err := s.p.Delete(t.Context(), 0, uuids[2], naming.DefaultTenant, "c", noted); err != nil {
			t.Fatal(err)
		}
		if _, err := s.p.Refresh(t.Context(), uuids[2]); !errors.Is(err, ErrNotFound) {
			t.Errorf("what was removed: %v", err)
		}
		uuids = uuids[:2]
		// A domain that is newer than the answer is read by itself.
		newer := s.provisioner(s.process())
		r := s.request("clone")
		r.Name = "d"
		refresh()
		made, _, err := newer.Create(t.Context(), r, func(kind.Instance, Record) {})
		if err != nil {
			t.Fatal(err)
		}
		if i, err := s.p.Refresh(t.Context(), made.UUID); err != nil || i.UUID != made.UUID {
			t.Errorf("one that is newer: %+v, %v", i, err)
		}
	})
}

func TestAListIsOfWhatTheFilterChooses(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		for _, change := range []func(*kind.Request){
			func(r *kind.Request) { r.Name = "b" },
			func(r *kind.Request) { r.Name, r.Labels = "a", map[string]string{"team": "a", "tier": "gold"} },
			func(r *kind.Request) { r.Name, r.Version, r.Labels = "c", "2.0.0", nil },
			func(r *kind.Request) { r.Name, r.Running = "d", false },
		} {
			r := s.request("clone")
			change(&r)
			s.made(t, r)
		}
		foreign := host.DomainSpec{Name: "foreign", Type: "qemu"}
		must.Get[host.Domain](t)(s.DefineDomain(t.Context(), foreign))
		foreign.Name, foreign.Metadata = "unreadable", "<broken"
		must.Get[host.Domain](t)(s.DefineDomain(t.Context(), foreign))
		newer, err := version.NewConstraint(">= 2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			filter InstanceFilter
			want   string
		}{
			"all":              {InstanceFilter{}, "a b c d"},
			"a template":       {InstanceFilter{Template: "default/web"}, "a b c d"},
			"another template": {InstanceFilter{Template: "default/other"}, ""},
			"a version":        {InstanceFilter{Version: newer}, "c"},
			"running":          {InstanceFilter{Status: "running"}, "a b c"},
			"off":              {InstanceFilter{Status: host.StateShutoff.String()}, "d"},
			"a label":          {InstanceFilter{Labels: map[string]string{"team": "a"}}, "a b d"},
			"two labels":       {InstanceFilter{Labels: map[string]string{"team": "a", "tier": "gold"}}, "a"},
			"another value":    {InstanceFilter{Labels: map[string]string{"team": "b"}}, ""},
		} {
			all, overlooked, err := s.p.Instances(t.Context(), c.filter)
			var names []string
			for _, i := range all {
				names = append(names, i.Facts.Name)
				if i.Healthy() != (len(i.Addresses) == 1) {
					t.Errorf("%s: %s is %s with the addresses %v", name, i.Facts.Name, i.State, i.Addresses)
				}
			}
			if got := strings.Join(names, " "); err != nil || got != c.want || len(overlooked) > 0 {
				t.Errorf("%s: %q, %q, %v, want %q", name, got, overlooked, err, c.want)
			}
		}
		for _, state := range []string{"running", host.StateShutoff.String()} {
			if !slices.Contains(Statuses(), state) {
				t.Errorf("nobody can ask for %q", state)
			}
		}
	})
}

// A domain that may be an instance is reported if it cannot be listed, and is an error if it cannot
// be read.
func TestAListTellsOfWhatItLacks(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		i := s.made(t, s.request("clone"))
		s.Torn = []string{i.DomainName}
		all, overlooked, err := s.p.Instances(t.Context(), InstanceFilter{})
		if err != nil || len(all) > 0 || len(overlooked) != 1 || !strings.Contains(overlooked[0], `domain "web"`) {
			t.Errorf("listed are %+v, lacking %q, %v", all, overlooked, err)
		}
		s.Torn = nil
		if err := s.RedefineDomain(t.Context(), i.UUID, host.DomainChange{Metadata: new("<broken")}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.p.Instances(t.Context(), InstanceFilter{}); !errors.Is(err, catalog.ErrDamaged) {
			t.Errorf("with damaged metadata: %v", err)
		}
	})
}
