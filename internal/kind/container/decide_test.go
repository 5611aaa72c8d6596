package container_test

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
)

// decided are the findings about a request for a version of an image, with settings of its
// template.
func decided(root *catalog.RootImage, template *settings.Settings, r kind.Request) finding.List {
	r.Name = "web"
	b := kind.Blueprint{
		Version: catalog.Version{
			ID:   catalog.TemplateID{Tenant: "t1", Name: "t"}.Version("1.0.0"),
			Root: root, Spec: catalog.Spec{Containers: catalog.Containers{Container: template}},
		},
		Strategy: "clone", Drives: []profile.Drive{{Name: "system", Size: 1 << 30, System: true}},
	}
	return container.New(siteOf(fakehost.New(), "pool"), programs).Decide(r, &b, true)
}

func TestAVersionOfContainersHasARootFileSystem(t *testing.T) {
	runs := &settings.Settings{Command: []string{"/bin/app"}}
	findingtest.Expect(t, "one", decided(&catalog.RootImage{}, runs, kind.Request{}))
	findingtest.Expect(t, "none", decided(nil, runs, kind.Request{}), "version: Version has no root file system")
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
		findingtest.Expect(t, name, decided(c.root, runs, c.r), c.want...)
	}
}

// What a system is told at its first boot is checked as that of a machine.
func TestAFirstBootThatCannotWorkIsRefused(t *testing.T) {
	system := &settings.Settings{Init: new(settings.SystemInit), Privileged: new(true)}
	silent := &guest.Customization{UserData: "#cloud-config\ncloud_final_modules: []"}
	for name, c := range map[string]struct {
		customization *guest.Customization
		waits         string
		want          []string
	}{
		"nothing to do":           {nil, "running", nil},
		"no report of nothing":    {nil, "cloud_init", []string{"wait_for: Nothing to wait for"}},
		"a time zone":             {&guest.Customization{Timezone: "UTC"}, "cloud_init", nil},
		"modules that do nothing": {silent, "running", []string{"customization: Customization needs other modules"}},
	} {
		r := kind.Request{Customization: c.customization, Options: kind.Options{WaitFor: []string{c.waits}}}
		findingtest.Expect(t, name, decided(&catalog.RootImage{}, system, r), c.want...)
	}
}

// A finding names the version, or the attribute and the instance, that it is about.
func TestFindingsNameWhatTheyAreAbout(t *testing.T) {
	const version = "\"t1/t@1.0.0\""
	app := &settings.Settings{Command: []string{"/bin/app"}}
	for name, c := range map[string]struct {
		template *settings.Settings
		r        kind.Request
		names    []string
	}{
		"nothing to run": {nil, kind.Request{}, []string{version, "container.command"}},
		"a user": {
			app, kind.Request{Container: &settings.Settings{User: new("app")}}, []string{version, "\"app\""},
		},
		"packages": {
			app, kind.Request{Customization: &guest.Customization{InstallPackages: []string{"vim"}}},
			[]string{"\"web\"", "customization.install_packages"},
		},
	} {
		fs := decided(&catalog.RootImage{}, c.template, c.r)
		for _, is := range c.names {
			if len(fs) != 1 || !strings.Contains(fs[0].Detail, is) {
				t.Errorf("%s: %v does not name %s", name, fs, is)
			}
		}
	}
}
