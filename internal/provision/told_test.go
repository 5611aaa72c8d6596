package provision

import (
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
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
