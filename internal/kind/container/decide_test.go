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

// expectDecided expects findings about a request for a version of an image, with settings of its template.
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

func TestWaitsThatNeverEndAreRefused(t *testing.T) {
	runs := &settings.Settings{Command: []string{"/bin/app"}}
	checked := &catalog.RootImage{HealthCheck: &settings.HealthCheck{Command: []string{"CMD", "/bin/check"}}}
	waits := func(condition string, s *settings.Settings) kind.Request {
		return kind.Request{Container: s, Options: kind.Options{WaitFor: []string{condition}}}
	}
	often := &settings.Settings{HealthCheck: &settings.HealthCheck{IntervalSeconds: new(int64(5))}}
	never := &settings.Settings{HealthCheck: &settings.HealthCheck{Command: []string{"NONE"}}}
	always := &settings.Settings{Restart: new(settings.RestartAlways)}
	const nothing, command = "wait_for: Nothing to wait for",
		"container.health_check.command: Health check without a command"
	for name, c := range map[string]struct {
		root *catalog.RootImage
		r    kind.Request
		want []string
	}{
		"the image's check":      {checked, waits("healthy", nil), nil},
		"the image's, often":     {checked, waits("healthy", often), nil},
		"no check":               {&catalog.RootImage{}, waits("healthy", nil), []string{nothing}},
		"a check is dropped":     {checked, waits("healthy", never), []string{nothing}},
		"none is dropped":        {&catalog.RootImage{}, waits("running", never), nil},
		"only an interval":       {&catalog.RootImage{}, waits("running", often), []string{command}},
		"a job":                  {&catalog.RootImage{}, waits("exited", nil), nil},
		"a job that never ends":  {&catalog.RootImage{}, waits("exited", always), []string{nothing}},
		"a service that goes on": {checked, waits("healthy", always), nil},
	} {
		expectDecided(t, name, c.root, runs, c.r, c.want...)
	}
}
