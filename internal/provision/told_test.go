package provision

import (
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// retold changes a container to what a request says.
func (s *testSite) retold(t *testing.T, uuid string, r kind.Request) (kind.Instance, error) {
	t.Helper()
	ctx, cancel := bounded(t.Context())
	defer cancel()
	i := must.Get[kind.Instance](t)(s.p.Read(ctx, uuid))
	b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(ctx, i, r))
	return s.p.Update(ctx, uuid, Change{Blueprint: &b, AllowRestart: true, Options: r.Options})
}

func TestAContainerHasTheParametersThatItWasToldLast(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		i := s.made(t, contained("linked_clone"))
		r := contained("linked_clone")
		r.Given = parameter.Given{Parameters: map[string]parameter.Raw{"greeting": "salut"}}
		must.Get[kind.Instance](t)(s.retold(t, i.UUID, r))
		now := must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID))
		if got := metadata.SettingValues(now.Facts.Parameters)["greeting"]; got == nil || got.Text != "salut" {
			t.Errorf("the metadata have %+v", now.Facts.Parameters)
		}
		s.remove(t, i.UUID)
	})
}

func TestAContainerKeepsItsPrivileges(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		i := s.made(t, contained("linked_clone"))
		r := contained("linked_clone")
		r.Container = &settings.Settings{Privileged: new(true)}
		_, err := s.retold(t, i.UUID, r)
		refuses(t, err, "container.privileged: Change requires a new instance")
		r.Version = "2.0.0"
		_, _, err = s.p.Reimage(t.Context(), i.UUID, r)
		refuses(t, err, "container.privileged: Change requires a new instance")
		now := must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID))
		if now.Facts.Container.Privileged || now.Facts.Version != "1.0.0" {
			t.Errorf("it is %+v", now.Facts)
		}
		s.remove(t, i.UUID)
	})
}

// refuses expects an error that is these findings.
func refuses(t *testing.T, err error, want ...string) {
	t.Helper()
	fs, are := errors.AsType[finding.List](err)
	if !are {
		t.Errorf("got %v, want findings", err)
	}
	findingtest.Expect(t, "it", fs, want...)
}

func TestAnImportKnowsThatAContainerHasSettingsOfItsOwn(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		for _, own := range []*settings.Settings{nil, {}, {Env: map[string]string{"A": "b"}}} {
			r := contained("linked_clone")
			r.Container = own
			i := s.made(t, r)
			i = must.Get[kind.Instance](t)(s.p.Read(t.Context(), i.UUID))
			version, _, err := i.Facts.FrozenVersion()
			o, failed := s.p.Overrides(t.Context(), i, version)
			if errors.Join(err, failed) != nil || o.Container != (own != nil && len(own.Env) > 0) {
				t.Errorf("%+v: %t, %v, %v", own, o.Container, err, failed)
			}
			s.remove(t, i.UUID)
		}
	})
}

// Another tenant's template decides nothing about root on the host.
func TestPrivilegesByATemplateOfAnotherTenant(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		template := catalog.Template{ID: catalog.TemplateID{Tenant: "vendor", Name: "web"}, Type: catalog.TypeContainer}
		version := must.Get[catalog.Version](t)(s.lib.Version(t.Context(), siteTemplate.Version("1.0.0")))
		granted := *version.Spec.Container
		granted.Privileged = new(true)
		version.Spec.Container = &granted
		const refused = "container.privileged: Template of another tenant is privileged"
		for name, c := range map[string]struct {
			tenant string
			own    *bool
			seeded bool
			want   []string
		}{
			"of another tenant":     {"vendor", nil, false, []string{refused}},
			"asked for":             {"vendor", new(true), false, nil},
			"declined":              {"vendor", new(false), false, nil},
			"created already":       {"vendor", nil, true, nil},
			"of the instance's own": {siteTemplate.Tenant, nil, false, nil},
		} {
			r := contained("clone")
			template.ID.Tenant, r.Container, r.Seeded = c.tenant, &settings.Settings{Privileged: c.own}, c.seeded
			_, wrong := s.p.NewBlueprint(r, template, version)
			findingtest.Expect(t, name, wrong, c.want...)
		}
	})
}
