package provision

import (
	"reflect"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
)

const gibibyte = 1 << 30

// offered is a version of a 2 GiB image on a 4 GiB disk, and its template.
func offered() (catalog.Template, catalog.Version) {
	version := catalog.Version{VirtualSize: 2 * gibibyte, Spec: catalog.Spec{
		Hardware: &profile.Hardware{CPUCores: new(int64(2)), MemoryMB: new(int64(512))},
		Storage:  &profile.Storage{Disks: map[string]profile.Disk{"system": {SizeGB: new(int64(4))}}},
		Parameters: map[string]parameter.Parameter{
			"hostname": {Type: "string", Required: true},
			"admin":    {Type: "text", Target: parameter.TargetSSHKey, Default: nil},
		},
	}}
	return catalog.Template{DefaultStrategy: "linked_clone"}, version
}

func asked(change func(*kind.Request)) kind.Request {
	r := kind.Request{Name: "web", Given: parameter.Given{Parameters: map[string]parameter.Raw{"hostname": "web-1"}},
		Options: kind.Options{Running: true, WaitFor: []string{kind.WaitIP}}}
	if change != nil {
		change(&r)
	}
	return r
}

func TestABlueprintLaysTheRequestOverTheVersion(t *testing.T) {
	template, version := offered()
	b, findings := planner().NewBlueprint(asked(func(r *kind.Request) {
		r.Strategy = "clone"
		r.Hardware = &profile.Hardware{MemoryMB: new(int64(1024))}
		r.Storage = &profile.Storage{Disks: map[string]profile.Disk{"data": {SizeGB: new(int64(1))}}}
		r.Network = &profile.Network{Interfaces: map[string]profile.Interface{"eth0": {Bridge: new("br0")}}}
	}), template, version)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	if want := (profile.Machine{
		Sockets:   1,
		Cores:     2,
		CPU:       "host-model",
		MemoryMiB: 1024,
		Firmware:  "bios",
	}); vm.PartOf(b).Machine != want {
		t.Errorf("the machine is %+v, want %+v", vm.PartOf(b).Machine, want)
	}
	if want := []profile.Drive{
		{Name: "system", Size: 4 * gibibyte, System: true, Boot: true}, {Name: "data", Size: gibibyte},
	}; !slices.Equal(b.Drives, want) {
		t.Errorf("the drives are %+v, want %+v", b.Drives, want)
	}
	if want := []profile.NIC{
		{Name: "eth0", Model: "virtio", Bridge: "br0", IP: profile.Addressing{DHCP: true}},
	}; !reflect.DeepEqual(b.NICs, want) {
		t.Errorf("the interfaces are %+v, want %+v", b.NICs, want)
	}
	if b.Strategy != "clone" {
		t.Errorf("strategy %q", b.Strategy)
	}
}

func TestABlueprintFillsInWhatNobodySays(t *testing.T) {
	template, version := offered()
	version.Spec = catalog.Spec{}
	b, findings := planner().NewBlueprint(kind.Request{Name: "web"}, template, version)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	if b.Strategy != "linked_clone" {
		t.Errorf("strategy %q", b.Strategy)
	}
	if want := []profile.Drive{
		{Name: "system", Size: 2 * gibibyte, System: true, Boot: true},
	}; !slices.Equal(b.Drives, want) {
		t.Errorf("the drives are %+v, want the image's own size: %+v", b.Drives, want)
	}
	if want := []profile.NIC{
		{Name: "eth0", Model: "virtio", Network: "default", IP: profile.Addressing{DHCP: true}},
	}; !reflect.DeepEqual(b.NICs, want) {
		t.Errorf("the interfaces are %+v, want %+v", b.NICs, want)
	}
}

func TestABlueprintFindsAllThatIsWrongWhereItIs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kind.Request)
		at     []string
	}{
		"a strategy of a later version": {func(r *kind.Request) { r.Strategy = "instant" }, []string{"strategy"}},
		"nothing":                       {nil, nil},
		"an unknown value": {func(r *kind.Request) { r.Given.Parameters["hostname"] = parameter.Unknown{} },
			nil},
		"a missing parameter": {func(r *kind.Request) { r.Given.Parameters = nil }, []string{"parameters"}},
		"two parameters": {func(r *kind.Request) {
			r.Given.Parameters["hostnam"], r.Given.Parameters["hostname"] = "x",
				"a.b"
		},
			[]string{`parameters["hostnam"]`, `parameters["hostname"]`}},
		"a key": {func(r *kind.Request) { r.Given.Parameters["admin"] = "ssh-rsa" }, []string{`parameters["admin"]`}},
		"a customization": {func(r *kind.Request) {
			r.Customization = &guest.Customization{Timezone: "?",
				OpenPorts: []int64{0}}
		},
			[]string{"customization.open_ports", "customization.timezone"}},
		"a command that is none": {func(r *kind.Request) {
			r.Customization = &guest.Customization{UserData: "#cloud-config\nruncmd: [[echo, yes]]"}
		},
			[]string{"customization.user_data"}},
		"commands that are no list": {func(r *kind.Request) {
			r.Customization = &guest.Customization{UserData: "#cloud-config\nruncmd: date"}
		},
			[]string{"customization.user_data"}},
		"a report that cannot come": {func(r *kind.Request) {
			r.Customization = &guest.Customization{UserData: "#cloud-config\ncloud_final_modules: [scripts-user]"}
		}, []string{"wait_for"}},
		"a report that is not waited for": {func(r *kind.Request) {
			r.WaitFor = []string{kind.WaitIP, kind.NoReport}
			r.Customization = &guest.Customization{UserData: "#cloud-config\ncloud_final_modules: [scripts-user]"}
		}, nil},
		"a report that is not waited for, nor anything": {func(r *kind.Request) {
			r.WaitFor = nil
			r.Customization = &guest.Customization{UserData: "#cloud-config\ncloud_final_modules: [scripts-user]"}
		}, nil},
		"a customization that cannot be": {func(r *kind.Request) {
			r.Customization = &guest.Customization{UserData: "#cloud-config\ncloud_final_modules: [scripts-per-boot]"}
		}, []string{"customization"}},
		"hardware": {func(r *kind.Request) { r.Hardware = &profile.Hardware{MemoryMB: new(int64(1))} },
			[]string{"hardware_profile.memory_mb"}},
		"a small disk": {func(r *kind.Request) {
			r.Storage = &profile.Storage{Disks: map[string]profile.Disk{"system": {SizeGB: new(int64(1))}}}
		}, []string{`storage_profile.disks["system"].size_gb`}},
		"a disk without a size": {func(r *kind.Request) {
			r.Storage = &profile.Storage{Disks: map[string]profile.Disk{"data": {}}}
		}, []string{`storage_profile.disks["data"]`}},
		"a type of GPU is missing": {func(r *kind.Request) { r.Hardware = &profile.Hardware{GPUCount: new(int64(1))} },
			[]string{"hardware_profile.gpu_type"}},
		"a gateway of nothing": {func(r *kind.Request) {
			r.Network = &profile.Network{
				Interfaces: map[string]profile.Interface{
					"eth0": {IP: &profile.IPConfiguration{Gateway: new("10.0.0.1")}},
				},
			}
		}, []string{`network_profile.interfaces["eth0"].ip_configuration.gateway`}},
		"no address to wait for": {func(r *kind.Request) {
			r.Network = &profile.Network{
				Interfaces: map[string]profile.Interface{"eth0": {IP: &profile.IPConfiguration{DHCP: new(false)}}},
			}
		}, []string{"wait_for"}},
		"a static address to wait for": {func(r *kind.Request) {
			r.Network = &profile.Network{
				Interfaces: map[string]profile.Interface{
					"eth0": {IP: &profile.IPConfiguration{StaticIP: new("10.0.0.5/24")}},
				},
			}
		}, nil},
		"no interface to wait for": {func(r *kind.Request) {
			r.Network = &profile.Network{Interfaces: map[string]profile.Interface{}}
			r.Given.Parameters = nil
		}, []string{"parameters", "wait_for"}},
		"no interface, and nothing runs": {func(r *kind.Request) {
			r.Network, r.Running = &profile.Network{Interfaces: map[string]profile.Interface{}}, false
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			template, version := offered()
			if name == "no interface to wait for" || name == "no interface, and nothing runs" {
				version.Spec.Network = &profile.Network{Interfaces: map[string]profile.Interface{}}
			}
			_, findings := planner().NewBlueprint(asked(c.change), template, version)
			var at []string
			for _, f := range findings {
				at = append(at, f.Path.String())
				if f.Summary == "" || f.Detail == "" {
					t.Errorf("%s is not explained: %+v", f.Path, f)
				}
			}
			if !slices.Equal(at, c.at) {
				t.Errorf("found fault with %q, want %q", at, c.at)
			}
		})
	}
}

// What a guest was told at its first boot never refuses a change of the instance, even if it has
// become a mistake since.
func TestABlueprintLeavesTheFirstBootOfAnInstanceAlone(t *testing.T) {
	template, version := offered()
	version.Spec.CloudInit = &cloudinit.Config{UserData: "#cloud-config\na: {"}
	request := asked(func(r *kind.Request) {
		r.Given.Parameters["admin"] = "ssh-rsa"
		r.Customization = &guest.Customization{Timezone: "?", UserData: "#cloud-config\nmerge_how: []"}
	})
	if _, findings := planner().NewBlueprint(request, template, version); len(findings) < 3 {
		t.Errorf("a new instance is refused for %v", findings)
	}
	request.Given.Parameters["admin"] = ""
	if _, findings := planner().NewBlueprint(request, template, version); len(findings) < 3 {
		t.Errorf("a new instance is refused for %v", findings)
	}
	for _, key := range []string{"ssh-rsa", ""} {
		request.Seeded, request.Given.Parameters["admin"] = true, key
		if b, findings := planner().NewBlueprint(request, template, version); len(findings) > 0 ||
			b.Parameters["admin"] == nil || b.Told() == "" {
			t.Errorf("an instance is refused for %v, or its parameters and customization are not compared", findings)
		}
	}
}
