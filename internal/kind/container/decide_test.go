package container_test

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
)

// decided are the findings about a request for a version of an image, with settings of its template.
func expectDecided(
	t *testing.T, name string, root *catalog.RootImage, template *settings.Settings, r kind.Request, want ...string,
) {
	t.Helper()
	r.Name = "web"
	b := kind.Blueprint{
		Version: catalog.Version{
			ID:   catalog.TemplateID{Tenant: "t1", Name: "t"}.Version("1.0.0"),
			Root: root, Spec: catalog.Spec{Containers: catalog.Containers{Container: template}},
		},
		Strategy: "clone", Drives: []profile.Drive{{Name: "system", Size: 1 << 30, System: true}},
	}
	findingtest.Expect(t, name, container.New(siteOf(fakehost.New(), "pool"), programs).Decide(r, &b, true), want...)
}

func TestAVersionOfContainersHasARootFileSystem(t *testing.T) {
	runs := &settings.Settings{Command: []string{"/bin/app"}}
	expectDecided(t, "one", &catalog.RootImage{}, runs, kind.Request{})
	expectDecided(t, "none", nil, runs, kind.Request{}, "version: Version has no root file system")
}
