package library

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

var web = catalog.TemplateID{Tenant: "shop", Name: "web"}

// shared registers shop's template with a version of each state.
func shared(t *testing.T, m *memory, access catalog.AccessControl) *Library {
	t.Helper()
	ann := m.as(t, "shop", "ann")
	must.Get[catalog.Template](t)(ann.CreateTemplate(t.Context(), catalog.Template{
		ID: web, Type: catalog.TypeVM, DefaultStrategy: "linked_clone", Access: access,
		Spec: catalog.Spec{Hardware: &profile.Hardware{MemoryMB: new(int64(512))}},
	}))
	for v, state := range map[string]catalog.State{
		"1.0.0": catalog.Archived, "1.1.0": catalog.Deprecated, "1.2.0": catalog.Active, "1.3.0": catalog.Draft,
	} {
		m.version(t, catalog.Version{
			ID: web.Version(v), VirtualSize: 1 << 30, Lifecycle: catalog.Lifecycle{}.To(state, "", now()),
		})
	}
	return ann
}

// Hidden and absent things are reported in the same words.
func TestWhatIsNotVisibleIsNotThere(t *testing.T) {
	m := &memory{}
	shared(t, m, catalog.AccessControl{WriteUsers: []string{"ann"}, UseTenants: []string{"bank"}})
	never := catalog.TemplateID{Tenant: "shop", Name: "not"}
	stranger, ctx := m.as(t, "mill", "ann"), t.Context()
	for name, ask := range map[string]func(id catalog.TemplateID) error{
		"reading":      func(id catalog.TemplateID) error { _, err := stranger.Template(ctx, id); return err },
		"its versions": func(id catalog.TemplateID) error { _, err := stranger.Versions(ctx, id); return err },
		"a version": func(id catalog.TemplateID) error {
			_, err := stranger.Version(ctx, id.Version("1.2.0"))
			return err
		},
		"planning":  func(id catalog.TemplateID) error { _, _, err := stranger.Planned(ctx, id); return err },
		"resolving": func(id catalog.TemplateID) error { _, err := stranger.Resolve(ctx, id, ""); return err },
		"using": func(id catalog.TemplateID) error {
			_, _, err := stranger.Usable(ctx, id.Version("1.2.0"))
			return err
		},
		"changing": func(id catalog.TemplateID) error {
			_, err := stranger.UpdateTemplate(ctx, id, func(*catalog.Template) {})
			return err
		},
		"removing": func(id catalog.TemplateID) error { return stranger.DeleteTemplate(ctx, id) },
		"registering": func(id catalog.TemplateID) error {
			_, err := stranger.RegisterVersion(ctx, VersionRequest{ID: id.Version("9.0.0")})
			return err
		},
		"its version": func(id catalog.TemplateID) error {
			_, err := stranger.UpdateVersion(ctx, id.Version("1.2.0"), VersionSettings{})
			return err
		},
		"removing it": func(id catalog.TemplateID) error {
			return stranger.RemoveVersion(ctx, id.Version("1.2.0"))
		},
		"a version of it": func(id catalog.TemplateID) error {
			_, err := stranger.Version(ctx, id.Version("1.3.0"))
			return err
		},
	} {
		hidden, absent := ask(web), ask(never)
		if hidden == nil || strings.ReplaceAll(hidden.Error(), web.String(), never.String()) != absent.Error() &&
			!sameWords(hidden, absent) {
			t.Errorf("%s: hidden %v, absent %v", name, hidden, absent)
		}
	}
}

// sameWords compares what users read about hidden and about absent things.
func sameWords(hidden, absent error) bool {
	return errors.Is(hidden, catalog.ErrNotFound) && errors.Is(absent, catalog.ErrNotFound)
}

func TestVersionsAreVisibleByTheirState(t *testing.T) {
	m := &memory{}
	ann := shared(t, m, catalog.AccessControl{WriteUsers: []string{"ann"}, UseTenants: []string{"bank"}})
	bob, tom := m.as(t, "shop", "bob"), m.as(t, "bank", "tom")
	for name, c := range map[string]struct {
		l    *Library
		want string
	}{
		"owner": {ann, "1.3.0 1.2.0 1.1.0 1.0.0"}, "colleague": {bob, "1.2.0 1.1.0 1.0.0"},
		"other tenant": {tom, "1.2.0 1.1.0 1.0.0"},
	} {
		var got []string
		for _, v := range must.Get[[]catalog.Version](t)(c.l.Versions(t.Context(), web)) {
			got = append(got, v.ID.Version)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s sees %q", name, got)
		}
	}
	for name, c := range map[string]struct {
		l          *Library
		constraint string
		want, says string
	}{
		"the newest active":       {tom, "", "1.2.0", ""},
		"by a constraint":         {ann, ">= 1.0", "1.2.0", ""},
		"deprecated if need be":   {tom, "< 1.2", "1.1.0", ""},
		"deprecated if asked for": {tom, "1.1.0", "1.1.0", ""},
		"archived, exactly":       {tom, "1.0.0", "1.0.0", ""}, // its use is refused with a reason
		"archived, not exactly":   {tom, "< 1.1", "", "It has: 1.2.0, 1.1.0 (deprecated), 1.0.0 (archived)."},
		"a draft, exactly":        {ann, "= 1.3.0", "1.3.0", ""},
		"a draft, not exactly": {
			ann, "> 1.2", "", "It has: 1.3.0 (draft), 1.2.0, 1.1.0 (deprecated), 1.0.0 (archived). A draft is chosen " +
				"only if version names it exactly.",
		},
		"somebody else's draft": {tom, "1.3.0", "", "It has: 1.2.0, 1.1.0 (deprecated), 1.0.0 (archived)."},
	} {
		got, err := c.l.Resolve(t.Context(), web, c.constraint)
		if got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestWhatIsNotAllowedSaysWhy(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := shared(t, m, catalog.AccessControl{WriteUsers: []string{"ann"}, ReadTenants: []string{"bank"}})
	bob, tom := m.as(t, "shop", "bob"), m.as(t, "bank", "tom")
	for name, err := range map[string]error{
		"changing":            errorOf(bob.UpdateTemplate(ctx, web, func(*catalog.Template) {})),
		"removing":            bob.DeleteTemplate(ctx, web),
		"registering":         errorOf(bob.RegisterVersion(ctx, VersionRequest{ID: web.Version("2.0.0")})),
		"changing a version":  errorOf(bob.UpdateVersion(ctx, web.Version("1.2.0"), VersionSettings{})),
		"removing a version":  bob.RemoveVersion(ctx, web.Version("1.2.0")),
		"changing another's":  errorOf(tom.UpdateTemplate(ctx, web, func(*catalog.Template) {})),
		"removing another's":  tom.DeleteTemplate(ctx, web),
		"registering there":   errorOf(tom.RegisterVersion(ctx, VersionRequest{ID: web.Version("2.0.0")})),
		"a version of theirs": tom.RemoveVersion(ctx, web.Version("1.2.0")),
	} {
		if refused, ok := errors.AsType[*catalog.RightError](err); !ok || refused.Needs != catalog.Write ||
			refused.Owner != "ann" {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := tom.Usable(ctx, web.Version("1.2.0"))
	if findings, ok := errors.AsType[finding.List](err); !ok || findings[0].Path.String() != "template_id" ||
		!strings.Contains(findings[0].Detail, "use_tenants") {
		t.Errorf("using what one may only read: %v", err)
	}
	_, _, err = ann.Usable(ctx, web.Version("1.0.0"))
	if findings, ok := errors.AsType[finding.List](err); !ok || findings[0].Summary != "Version is archived" {
		t.Errorf("using what is archived: %v", err)
	}
	if _, v, err := ann.Usable(ctx, web.Version("1.3.0")); err != nil || *v.Spec.Hardware.MemoryMB != 512 {
		t.Errorf("a draft of one's own: %+v, %v", v, err)
	}
	if _, _, err := bob.Usable(ctx, web.Version("1.3.0")); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a draft of somebody else's: %v", err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestWritersChangeEverythingButWhoseItIs(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	shared(t, m, catalog.AccessControl{WriteGroups: []string{"ops"}})
	bob := m.as(t, "shop", "bob", "ops")
	changed := must.Get[catalog.Template](t)(bob.UpdateTemplate(ctx, web, func(t *catalog.Template) {
		t.Owner, t.Access = "bob", catalog.AccessControl{ReadUsers: []string{"kim"}}
		t.State, t.Deprecation = catalog.Deprecated, "old"
	}))
	if changed.Owner != "ann" || changed.State != catalog.Deprecated || changed.PublishedAt == nil ||
		!changed.Access.Equal(catalog.AccessControl{ReadUsers: []string{"kim"}}) {
		t.Errorf("changed to %+v", changed)
	}
	if _, err := bob.Template(ctx, web); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("who took the right from himself has %v", err)
	}
	if err := errorOf(bob.CreateTemplate(ctx, catalog.Template{ID: web, Type: catalog.TypeVM})); err == nil ||
		strings.Contains(err.Error(), "import") {
		t.Errorf("a name that is taken by what is hidden: %v", err)
	}
}

func TestADraftFollowsItsTemplateUntilItIsPublished(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := shared(t, m, catalog.AccessControl{})
	memory := func(version string) int64 {
		t.Helper()
		v := must.Get[catalog.Version](t)(ann.Version(ctx, web.Version(version)))
		for _, planned := range must.Get[[]catalog.Version](t)(ann.Versions(ctx, web)) {
			if planned.ID == v.ID && planned.Spec.Hardware != nil &&
				*planned.Spec.Hardware.MemoryMB != *v.Spec.Hardware.MemoryMB {
				t.Errorf("listed with another spec: %+v", planned)
			}
		}
		if v.Spec.Hardware == nil {
			return 0
		}
		return *v.Spec.Hardware.MemoryMB
	}
	change := func(to int64) {
		must.Get[catalog.Template](t)(ann.UpdateTemplate(ctx, web, func(t *catalog.Template) {
			t.Spec.Hardware = &profile.Hardware{MemoryMB: &to}
		}))
	}
	change(1024)
	if draft, active := memory("1.3.0"), memory("1.2.0"); draft != 1024 || active != 0 {
		t.Errorf("draft %d MiB, active %d MiB", draft, active)
	}
	published := must.Get[catalog.Version](t)(ann.UpdateVersion(ctx, web.Version("1.3.0"),
		VersionSettings{State: catalog.Active}))
	change(2048)
	if got := memory("1.3.0"); got != 1024 || published.PublishedAt == nil {
		t.Errorf("published with %d MiB, at %v", got, published.PublishedAt)
	}
	again := must.Get[catalog.Version](t)(ann.UpdateVersion(ctx, web.Version("1.3.0"), VersionSettings{
		State: catalog.Archived, Deprecation: "no",
	}))
	if !again.PublishedAt.Equal(*published.PublishedAt) || memory("1.3.0") != 1024 {
		t.Errorf("archived: %+v", again)
	}
}

func TestABrokenDraftIsNotPublished(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := shared(t, m, catalog.AccessControl{})
	must.Get[catalog.Template](t)(ann.UpdateTemplate(ctx, web, func(t *catalog.Template) {
		t.Spec.Storage = &profile.Storage{
			Disks: map[string]profile.Disk{"system": {SizeGB: new(int64(1)), System: new(true)}},
		}
	}))
	v := must.Get[catalog.Record[catalog.Version]](t)(m.versions.Get(ctx, web.Version("1.3.0").String()))
	v.Value.VirtualSize = 2 << 30
	must.Get[catalog.Record[catalog.Version]](t)(m.versions.Replace(ctx, v.Key, v.Revision, v.Value))
	_, err := ann.UpdateVersion(ctx, web.Version("1.3.0"), VersionSettings{State: catalog.Active})
	if findings, ok := errors.AsType[finding.List](err); !ok || findings[0].Summary != "Could not publish draft" {
		t.Errorf("published: %v", err)
	}
	must.Get[catalog.Version](t)(ann.UpdateVersion(ctx, web.Version("1.3.0"), VersionSettings{
		Description: "still a draft", State: catalog.Draft,
	}))
}

func TestPlansGoByWhatTheySayOfStates(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := shared(t, m, catalog.AccessControl{})
	template, versions, _ := ann.Planned(ctx, web)
	if got := ann.Newer(template, versions, nil, "1.1.0"); got != "1.2.0" {
		t.Errorf("newer than 1.1.0 is %q", got)
	}
	ann.Plan.WillCreate(web.Version("2.0.0"), catalog.Lifecycle{State: catalog.Draft})
	ann.Plan.WillSetState(web.Version("1.2.0"), catalog.Lifecycle{State: catalog.Archived})
	ann.Plan.WillSetState(web.Version("1.3.0"), catalog.Lifecycle{State: catalog.Active})
	template, versions, _ = ann.Planned(ctx, web)
	if got := ann.Newer(template, versions, ann.Plan.Creates(web), "1.1.0"); got != "1.3.0" {
		t.Errorf("newer than 1.1.0 will be %q", got)
	}
	if got := must.Get[string](t)(Pick(web, versions, ann.Plan.Creates(web), "")); got != "1.3.0" {
		t.Errorf("the newest will be %q", got)
	}
	ann.Plan.WillCreate(web.Version("2.0.0"), catalog.Lifecycle{}) // planned again, after a value became known
	if got := must.Get[string](t)(Pick(web, versions, ann.Plan.Creates(web), "")); got != "2.0.0" ||
		len(ann.Plan.Creates(web)) != 1 {
		t.Errorf("the newest will be %q of %v", got, ann.Plan.Creates(web))
	}
	archived := template
	archived.State = catalog.Archived
	ann.Plan.WillChange(archived)
	template, versions, _ = ann.Planned(ctx, web)
	if got := ann.Newer(template, versions, ann.Plan.Creates(web), "1.1.0"); got != "" || template.Owner != "ann" {
		t.Errorf("newer than 1.1.0, of an archived template of %q's, is %q", template.Owner, got)
	}
}

// A missing template has no history, even in the user's own tenant. The remains of a template whose
// document is gone can be removed.
func TestWhatIsGoneIsNotThere(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := shared(t, m, catalog.AccessControl{})
	never := catalog.TemplateID{Tenant: "shop", Name: "not"}
	for name, err := range map[string]error{
		"versions":  errorOf(ann.Versions(ctx, never)),
		"resolving": errorOf(ann.Resolve(ctx, never, "")),
		"a version": errorOf(ann.Version(ctx, never.Version("1.0.0"))),
		"planning":  errorOf(ann.PlannedVersion(ctx, never.Version("1.0.0"))),
		"changing":  errorOf(ann.UpdateVersion(ctx, never.Version("1.0.0"), VersionSettings{})),
	} {
		if !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	rec := must.Get[catalog.Record[catalog.Template]](t)(m.templates.Get(ctx, web.String()))
	if err := m.templates.Delete(ctx, rec.Key, rec.Revision); err != nil {
		t.Fatal(err)
	}
	if v, err := ann.PlannedVersion(ctx, web.Version("1.2.0")); err != nil || v.ID.Version != "1.2.0" {
		t.Errorf("the version of a template that is gone: %v, %v", v, err)
	}
	if _, err := m.as(t, "bank", "tom").Version(ctx, web.Version("1.2.0")); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("for another tenant: %v", err)
	}
}
