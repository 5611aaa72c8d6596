package provision

import (
	"context"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// An interface gets another name, and keeps its MAC address.
func TestAnInterfaceOfAContainerIsRenamed(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		ctx := context.WithoutCancel(t.Context())
		mac := "52:54:00:00:00:07"
		named := func(name string) kind.Request {
			r := contained("linked_clone")
			r.Network = &profile.Network{Interfaces: map[string]profile.Interface{name: {MAC: &mac}}}
			return r
		}
		i := s.made(t, named("eth0"))
		s.applied(t, i.UUID, named("lan"))
		now := must.Get[kind.Instance](t)(s.p.Read(ctx, i.UUID))
		b := must.Get[kind.Blueprint](t)(s.p.BlueprintOf(ctx, now, named("lan")))
		diff, wrong, err := s.p.Compare(ctx, now, b)
		if err != nil || len(wrong) > 0 || diff.Restart() || !diff.Devices.None() || now.MACs()["lan"] != mac {
			t.Errorf("it has %v, and differs by %+v, %v, %v", now.MACs(), diff, wrong, err)
		}
		s.remove(t, i.UUID)
	})
}
