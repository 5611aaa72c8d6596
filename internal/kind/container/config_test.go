package container

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

var root = &catalog.RootImage{
	Entrypoint: []string{"/entry"}, Command: []string{"serve"}, Env: map[string]string{"A": "image", "PATH": "/bin"},
	Users:  []catalog.RootUser{{Name: "root"}, {Name: "app", UID: 7, GID: 8, Home: "/data"}},
	Groups: []catalog.RootGroup{{Name: "app", GID: 8}, {Name: "staff", GID: 50, Members: []string{"app"}}},
}

func TestUsersAreThoseOfTheImage(t *testing.T) {
	for text, want := range map[string]account{
		"":          {home: "/root"},
		"root":      {home: "/root"},
		"app":       {uid: 7, gid: 8, groups: []uint32{50}, home: "/data"},
		"7":         {uid: 7, gid: 8, groups: []uint32{50}, home: "/data"},
		"app:staff": {uid: 7, gid: 50, home: "/data"},
		"1000":      {uid: 1000},
		"1000:1001": {uid: 1000, gid: 1001},
	} {
		got, err := accountOf(root, text)
		if err != nil || got.uid != want.uid || got.gid != want.gid || got.home != want.home ||
			!slices.Equal(got.groups, want.groups) {
			t.Errorf("%q is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"nobody", "app:wheel", "-1", "5000000000"} {
		if got, err := accountOf(root, text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	if got, err := accountOf(nil, "root"); err != nil || got.uid != 0 {
		t.Errorf("of an image that is not known, root is %+v, %v", got, err)
	}
}

func TestWhatRunsIsTheImagesUnlessSettingsSayOtherwise(t *testing.T) {
	for name, c := range map[string]struct {
		settings settings.Settings
		want     []string
	}{
		"nothing":       {settings.Settings{}, []string{"/entry", "serve"}},
		"a command":     {settings.Settings{Command: []string{"x"}}, []string{"/entry", "x"}},
		"an entrypoint": {settings.Settings{Entrypoint: []string{"/other"}}, []string{"/other"}},
		"both": {
			settings.Settings{Entrypoint: []string{"/a"}, Command: []string{"b"}}, []string{"/a", "b"},
		},
		"no entrypoint":        {settings.Settings{Entrypoint: []string{}}, []string{"serve"}},
		"a command by itself":  {settings.Settings{Entrypoint: []string{}, Command: []string{"x"}}, []string{"x"}},
		"nothing of the image": {settings.Settings{Entrypoint: []string{}, Command: []string{}}, nil},
	} {
		if got := arguments(root, &c.settings); !slices.Equal(got, c.want) {
			t.Errorf("%s: it runs %q, want %q", name, got, c.want)
		}
	}
	own := &settings.Settings{Env: map[string]string{"B": "own", "A": "over"}}
	env := environment(root, own, account{home: "/h"}, "web")
	if want := []string{"A=over", "B=own", "HOME=/h", "HOSTNAME=web", "PATH=/bin"}; !slices.Equal(env, want) {
		t.Errorf("the environment is %q, want %q", env, want)
	}
}

func TestAHealthCheckHasItsDefaults(t *testing.T) {
	image := &catalog.RootImage{HealthCheck: &settings.HealthCheck{
		Command: []string{"CMD-SHELL", "a || b"}, Retries: new(int64(5)),
	}}
	h := health(image, &settings.Settings{HealthCheck: &settings.HealthCheck{IntervalSeconds: new(int64(2))}})
	if h == nil || !slices.Equal(h.Args, []string{"/bin/sh", "-c", "a || b"}) || h.Interval != 2000 ||
		h.Timeout != 30_000 || h.Retries != 5 || h.StartPeriod != 0 {
		t.Errorf("it is %+v", h)
	}
	none := &settings.Settings{HealthCheck: &settings.HealthCheck{Command: []string{"NONE"}}}
	if h := health(image, none); h != nil {
		t.Errorf("none is %+v", h)
	}
	if h := health(&catalog.RootImage{}, &settings.Settings{}); h != nil {
		t.Errorf("without one it is %+v", h)
	}
}

// The volume holds the configuration and zeros, whatever it held before.
func TestAConfigurationFillsItsVolume(t *testing.T) {
	c := initd.Config{
		Upper: initd.UpperDisk, Users: initd.IDRange{First: firstUser, Count: userCount},
		Process: initd.Process{Args: []string{"x"}, Env: []string{"LONG=" + strings.Repeat("x", 100_000)}},
		Network: initd.Network{Interfaces: []initd.Interface{{Name: "eth0", DHCP: true}}},
	}
	text, err := told(c, 0, "r", 7)
	if err != nil || len(text)%configSize != 0 || len(text) < 100_000 {
		t.Fatalf("it has %d bytes, %v", len(text), err)
	}
	again, err := initd.ParseConfig(text)
	if err != nil || again.Revision != "r" || again.Request != 7 || len(again.Network.Interfaces) != 1 {
		t.Errorf("it reads as %+v, %v", again, err)
	}
	if larger, err := told(c, uint64(len(text)+1), "r", 7); err != nil || len(larger) != len(text)+1 {
		t.Errorf("in a larger volume it has %d bytes, %v", len(larger), err)
	}
}

func TestOnlyWhatTheContainerIsToldOtherwiseCounts(t *testing.T) {
	notes := func(all, container, parameters string) []metadata.ToldNote {
		return []metadata.ToldNote{{By: "container", Digest: container}, {By: "parameters", Digest: parameters},
			{Digest: all}}
	}
	for name, c := range map[string]struct {
		have, want []metadata.ToldNote
		by         []string
	}{
		"the same":                    {notes("1", "a", "p"), notes("1", "a", "p"), nil},
		"a parameter that is unused":  {notes("1", "a", "p"), notes("1", "a", "q"), nil},
		"a parameter that is used":    {notes("1", "a", "p"), notes("2", "a", "q"), []string{"parameters"}},
		"settings":                    {notes("1", "a", "p"), notes("2", "b", "p"), []string{"container"}},
		"a release says it otherwise": {notes("1", "a", "p"), notes("2", "a", "p"), nil},
		"never told":                  {nil, notes("1", "a", "p"), []string{"container", "parameters"}},
	} {
		if by := changed(c.have, c.want); !slices.Equal(by, c.by) {
			t.Errorf("%s: changed by %q, want %q", name, by, c.by)
		}
	}
}
