package catalog

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
)

func image() *RootImage {
	return &RootImage{
		Identity: "config:sha256:aa", Manifest: "sha256:bb", Format: 1,
		Architecture: "amd64", ExposedPorts: []string{"80/tcp"},
		Entrypoint: []string{"/bin/app"}, Command: []string{"serve"},
		Env:        map[string]string{"PATH": "/bin", "A": "{{ x"},
		WorkingDir: "/srv/", User: "app", StopSignal: "SIGQUIT",
		HealthCheck: &container.HealthCheck{Command: []string{"CMD", "check"}, IntervalSeconds: new(int64(7))},
		Users: []RootUser{
			{Name: "root", Home: "/root"}, {Name: "app", UID: 100, GID: 101, Home: "/srv"}, {Name: "big", UID: 70000},
		},
		Groups: []RootGroup{
			{Name: "staff", GID: 50, Members: []string{"app"}}, {Name: "app", GID: 101, Members: []string{"app"}},
		},
	}
}

func TestARootImageIsStoredAsItIs(t *testing.T) {
	v := Version{Root: image()}
	data, err := json.Marshal(v)
	var got Version
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err != nil || !reflect.DeepEqual(got.Root, v.Root) {
		t.Errorf("got %+v, %v", got.Root, err)
	}
	if data, err := json.Marshal(Version{}); err != nil || strings.Contains(string(data), "root") {
		t.Errorf("a machine's version is written as %s, %v", data, err)
	}
}
