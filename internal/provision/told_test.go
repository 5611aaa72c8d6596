package provision

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
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
