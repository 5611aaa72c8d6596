package storetest

import (
	"reflect"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// containers checks that what templates and versions of containers have comes back as it was written,
// and that what is empty stays apart from what is not set.
func containers(t *testing.T, site Site) {
	ctx, writer, reader := t.Context(), site.Open("t1"), site.Open("t1")
	spec := catalog.Spec{
		Storage: &profile.Storage{Disks: map[string]profile.Disk{
			"data": {SizeGB: new(int64(1)), MountPath: new("/var/lib/<&>\"ä")},
		}},
		Parameters: map[string]parameter.Parameter{},
		Containers: catalog.Containers{Container: &container.Settings{
			Init:        new(container.ProcessInit),
			Entrypoint:  []string{},
			Command:     []string{"", "{{ quote .a }}", "<&>\"'ä\n😀"},
			Env:         map[string]string{"EMPTY": "", "TEXT": "{{ .a }}\t$HOME"},
			Privileged:  new(false),
			HealthCheck: &container.HealthCheck{Command: []string{}, Retries: new(int64(0))},
			Tmpfs:       map[string]container.Tmpfs{"/run": {}, "/tmp": {SizeMB: new(int64(16))}},
		}},
	}
	made := template("a")
	made.Type, made.Spec = catalog.TypeContainer, spec
	written := must.Value(writer.Templates().Create(ctx, "t1/a", made))
	if read := must.Value(reader.Templates().Get(ctx, "t1/a")); !reflect.DeepEqual(read, written) ||
		!reflect.DeepEqual(read.Value.Spec, spec) || read.Value.Type != catalog.TypeContainer {
		t.Errorf("read %+v, where %+v was written", read, written)
	}
	root := &catalog.RootImage{
		Identity: "config:sha256:aa", Manifest: "sha256:bb", Format: 1,
		Architecture: "arm64", ExposedPorts: []string{"80/tcp"},
		Entrypoint: []string{"/bin/app"}, Env: map[string]string{"PATH": "/bin"},
		Labels:      map[string]string{"a.b/c": "<&>"},
		HealthCheck: &container.HealthCheck{Command: []string{"CMD", "check"}},
		Users:       []catalog.RootUser{{Name: "app", UID: 1000, GID: 1000}},
	}
	id := made.ID.Version("1.0.0")
	version := must.Value(writer.Versions().Create(ctx, id.String(), catalog.Version{ID: id, Spec: spec, Root: root}))
	if read := must.Value(reader.Versions().Get(ctx, id.String())); !reflect.DeepEqual(read, version) ||
		!reflect.DeepEqual(read.Value.Root, root) || !reflect.DeepEqual(read.Value.Spec, spec) {
		t.Errorf("read %+v, where %+v was written", read, version)
	}
}
