package attribute

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func fullContainer() *container.Settings {
	text, one, yes := "x", int64(1), true
	return &container.Settings{
		Init: &text, Entrypoint: []string{"a"}, Command: []string{"b", ""}, Env: map[string]string{"A": ""},
		WorkingDir: &text, User: &text, Restart: &text, StopSignal: &text, StopTimeoutSeconds: &one, Privileged: &yes,
		HealthCheck: &container.HealthCheck{
			Command: []string{"CMD", "x"}, IntervalSeconds: &one, TimeoutSeconds: &one, Retries: &one,
			StartPeriodSeconds: &one,
		},
		Tmpfs: map[string]container.Tmpfs{"/run": {SizeMB: &one}, "/tmp": {}},
	}
}

// Null, empty and set are three things, and all come back as they were.
func TestContainersAreReadAsWritten(t *testing.T) {
	for name, want := range map[string]*container.Settings{
		"none":    nil,
		"nothing": {},
		"empty": {
			Entrypoint: []string{}, Command: []string{}, Env: map[string]string{},
			HealthCheck: &container.HealthCheck{},
			Tmpfs:       map[string]container.Tmpfs{},
		},
		"all": fullContainer(),
	} {
		o := ContainerObject(want)
		got, known := Container(o)
		if !known || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v (known: %t), want %+v", name, got, known, want)
		}
		if of := ContainerAttribute("").GetType(); !o.Type(t.Context()).Equal(of) {
			t.Errorf("%s: the type is %s, and that of the schema %s", name, o.Type(t.Context()), of)
		}
	}
	for name, v := range ContainerObject(fullContainer()).Attributes() {
		if v.IsNull() {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

func TestWhatIsNotKnownOfAContainerIsNotFoundWrong(t *testing.T) {
	unknown := types.StringUnknown()
	list := types.ListValueMust(types.StringType, []attr.Value{unknown, types.StringValue("x")})
	set := ContainerObject(&container.Settings{HealthCheck: &container.HealthCheck{}})
	health, _ := set.Attributes()["health_check"].(types.Object)
	for name, o := range map[string]types.Object{
		"all":        types.ObjectUnknown(containerTypes),
		"init":       with(set, "init", unknown),
		"a program":  with(set, "entrypoint", list),
		"arguments":  with(set, "command", types.ListUnknown(types.StringType)),
		"a variable": with(set, "env", types.MapValueMust(types.StringType, map[string]attr.Value{"A": unknown})),
		"a check":    with(set, "health_check", with(health, "command", list)),
		"checks":     with(set, "health_check", types.ObjectUnknown(healthTypes)),
		"a tmpfs": with(set, "tmpfs", types.MapValueMust(tmpfsType, map[string]attr.Value{
			"nowhere": types.ObjectUnknown(tmpfsType.AttrTypes),
		})),
	} {
		got, known := Container(o)
		if fs := got.Validate(); known || len(fs) > 0 {
			t.Errorf("%s: known is %t, found %v", name, known, fs)
		}
	}
	wrong := with(
		with(set, "env", types.MapValueMust(types.StringType, map[string]attr.Value{"A": unknown})), "restart",
		types.StringValue("maybe"))
	got, _ := Container(wrong)
	findingtest.Expect(t, "what is known", got.Validate(), "container.restart: Unknown restart policy")
}

func TestASpecOfAContainer(t *testing.T) {
	text := "x"
	spec := func(c *container.Settings) Spec {
		s := NoSpec()
		s.Container = ContainerObject(c)
		return s
	}
	s := spec(fullContainer())
	if got := s.Core().Container; !reflect.DeepEqual(got, fullContainer()) {
		t.Errorf("got %+v", got)
	}
	written := s.Container
	s.Refresh(catalog.Spec{Containers: catalog.Containers{Container: fullContainer()}})
	if !s.Container.Equal(written) {
		t.Errorf("the same became %s", s.Container)
	}
	s.Refresh(catalog.Spec{Containers: catalog.Containers{Container: &container.Settings{User: &text}}})
	if got, _ := Container(s.Container); !reflect.DeepEqual(got, &container.Settings{User: &text}) {
		t.Errorf("got %+v", got)
	}
	findingtest.Expect(t, "form", spec(&container.Settings{Restart: &text}).Validate(),
		"container.restart: Unknown restart policy")
	s = spec(&container.Settings{})
	findingtest.Expect(t, "of a container", s.ValidateWhole(catalog.TypeContainer))
	findingtest.Expect(t, "of a machine", s.ValidateWhole(catalog.TypeVM),
		"container: Not supported by this type of template")
	findingtest.Expect(t, "not known yet", s.ValidateWhole(""))
	data := StorageObject(&profile.Storage{Disks: map[string]profile.Disk{"system": {}, "data": {Type: &text}}})
	disks := data.Attributes()["disks"].(types.Map).Elements()
	disks["data"] = with(disks["data"].(types.Object), "mount_path", types.StringUnknown())
	s.StorageProfile = with(data, "disks", types.MapValueMust(diskType, disks))
	if s.Known() {
		t.Error("a spec with an unknown mount path is known")
	}
	findingtest.Expect(t, "an unknown path", s.ValidateWhole(catalog.TypeContainer),
		`storage_profile.disks["data"].type: Not supported by this type of template`)
}

func TestWhatACatalogKnowsOfAContainersImage(t *testing.T) {
	one := int64(1)
	r := &catalog.RootImage{
		Identity: "config:sha256:bb", Manifest: "sha256:aa", Architecture: "arm64", ExposedPorts: []string{"80/tcp"},
		Entrypoint: []string{"a"},
		Command:    []string{"b"}, Env: map[string]string{"A": "1"}, WorkingDir: "/srv",
		User: "app", StopSignal: "SIGQUIT",
		Volumes: []string{"/data"}, Labels: map[string]string{"l": "v"},
		HealthCheck: &container.HealthCheck{Command: []string{"CMD", "x"}, Retries: &one},
	}
	var m RootImage
	m.Refresh(r)
	config := m.ImageConfig.Attributes()
	for name, v := range config {
		if v.IsNull() {
			t.Errorf("nothing is said of %s", name)
		}
	}
	if m.OCIDigest.ValueString() != "sha256:aa" || m.Architecture.ValueString() != "arm64" ||
		len(m.ExposedPorts.Elements()) != 1 || config["user"].(types.String).ValueString() != "app" {
		t.Errorf("got %+v", m)
	}
	all := schema.Schema{Attributes: RootImageAttributes()}
	for name, v := range map[string]attr.Value{
		"oci_digest": m.OCIDigest, "architecture": m.Architecture, "exposed_ports": m.ExposedPorts,
		"image_config": m.ImageConfig,
	} {
		if of := all.Attributes[name].GetType(); !v.Type(t.Context()).Equal(of) {
			t.Errorf("%s is of type %s, and in the schema of %s", name, v.Type(t.Context()), of)
		}
	}
	m.Refresh(&catalog.RootImage{Identity: "root:sha256:bb"})
	if !m.OCIDigest.IsNull() || !m.Architecture.IsNull() || m.ExposedPorts.IsNull() || m.ImageConfig.IsNull() {
		t.Errorf("of a root file system: %+v", m)
	}
	m.Refresh(nil)
	if !m.OCIDigest.IsNull() || !m.ExposedPorts.IsNull() || !m.ImageConfig.IsNull() {
		t.Errorf("of a machine: %+v", m)
	}
}

// Images say that they have nothing, and catalogs do not keep that apart from saying nothing.
func TestAnImageIsTheSameOnceACatalogHasIt(t *testing.T) {
	registered := &catalog.RootImage{
		Entrypoint: []string{}, Command: []string{}, Env: map[string]string{}, Volumes: []string{},
		Labels: map[string]string{}, ExposedPorts: []string{},
		HealthCheck: &container.HealthCheck{Command: []string{}},
	}
	text, err := json.Marshal(registered)
	if err != nil {
		t.Fatal(err)
	}
	var kept catalog.RootImage
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	var first, later RootImage
	first.Refresh(registered)
	later.Refresh(&kept)
	if !first.ImageConfig.Equal(later.ImageConfig) || !first.ExposedPorts.Equal(later.ExposedPorts) {
		t.Errorf("%v became %v", first, later)
	}
}
