package provision

import (
	"errors"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// What is not known yet is not refused, and hides nothing of what is known.
func TestAContainerOfWhichSomethingIsNotKnownYet(t *testing.T) {
	onDocks(t, func(t *testing.T, s *testSite) {
		i := s.made(t, contained("linked_clone"))
		for name, c := range map[string]struct {
			change   func(*kind.Request)
			restarts []string
		}{
			"settings": {change: func(r *kind.Request) {
				r.Container, r.Undecided = &settings.Settings{Entrypoint: []string{}, Command: []string{}}, true
				r.WaitFor, r.Customization = []string{kind.WaitHealthy}, &guest.Customization{Timezone: "UTC"}
			}, restarts: []string{"container", "customization"}},
			"a setting beside an address": {change: func(r *kind.Request) {
				r.Undecided = true
				r.Network = nic(profile.Interface{IP: &profile.IPConfiguration{StaticIP: new("10.0.0.5/24")}})
			}, restarts: []string{"network_profile"}},
			"a parameter": {
				change: func(r *kind.Request) { r.Given = unknown("greeting") }, restarts: []string{"parameters"},
			},
			"a parameter beside a setting": {change: func(r *kind.Request) {
				r.Given, r.Container = unknown("greeting"), &settings.Settings{Env: map[string]string{"A": "b"}}
			}, restarts: []string{"container", "parameters"}},
		} {
			r := contained("linked_clone")
			c.change(&r)
			r.Seeded = true
			template := catalog.Template{ID: siteTemplate, Type: catalog.TypeContainer}
			version, _, err := i.Facts.FrozenVersion()
			b, wrong := s.p.NewBlueprint(r, template, version)
			findingtest.Expect(t, name, wrong)
			diff, _, failed := s.p.Compare(t.Context(), i, b)
			var restarts []string
			for _, why := range diff.Restarts {
				restarts = append(restarts, why.At.String())
			}
			if err := errors.Join(err, failed); err != nil || !slices.Equal(restarts, c.restarts) {
				t.Errorf("%s: restarts for %q, want %q; %v", name, restarts, c.restarts, err)
			}
		}
		s.remove(t, i.UUID)
	})
}

func unknown(parameterName string) parameter.Given {
	return parameter.Given{Parameters: map[string]parameter.Raw{parameterName: parameter.Unknown{}}}
}
