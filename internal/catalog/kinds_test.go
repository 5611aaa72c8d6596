package catalog

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func disks(named map[string]profile.Disk) *profile.Storage { return &profile.Storage{Disks: named} }

func TestWhatAMachineDoesNotHave(t *testing.T) {
	s := Spec{
		Storage: disks(map[string]profile.Disk{
			"data": {SizeGB: new(int64(1)), MountPath: new("/srv")}, "system": {},
		}),
		Containers: Containers{&container.Settings{}},
	}
	findingtest.Expect(t, "a machine", s.ValidateFor(TypeVM),
		"container: Not supported by this type of template",
		`storage_profile.disks["data"].mount_path: Not supported by this type of template`)
	findingtest.Expect(t, "a container", s.ValidateWhole(TypeContainer))
	findingtest.Expect(t, "not known yet", s.ValidateWhole(""))
	findingtest.Expect(t, "nothing", Spec{}.ValidateWhole(TypeVM))
}

func TestWhatAContainerDoesNotHave(t *testing.T) {
	s := Spec{
		Hardware: &profile.Hardware{
			CPUCount: new(int64(1)), CPUCores: new(int64(2)), MemoryMB: new(int64(64)), CPUType: new("host-model"),
			Firmware: new("efi"), GPUCount: new(int64(0)), GPUType: new("10de:1eb8"),
		},
		Network: &profile.Network{Interfaces: map[string]profile.Interface{
			"eth0": {Model: new("virtio"), VLAN: new(int64(7)), Network: new("default"), MAC: new("52:54:00:00:00:01")},
		}},
		Storage: disks(map[string]profile.Disk{
			"system": {SizeGB: new(int64(2)), Type: new("ssd"), Boot: new(true), System: new(true), Tier: new("fast")},
			"data":   {SizeGB: new(int64(2)), MountPath: new("/proc/data")},
		}),
		VM: VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n"}},
	}
	const not = ": Not supported by this type of template"
	fields := []string{
		"hardware_profile.cpu_type" + not, "hardware_profile.firmware" + not, "hardware_profile.gpu_count" + not,
		"hardware_profile.gpu_type" + not,
		`network_profile.interfaces["eth0"].type` + not, `network_profile.interfaces["eth0"].vlan` + not,
		`storage_profile.disks["data"].mount_path: Invalid path`,
		`storage_profile.disks["system"].type` + not, `storage_profile.disks["system"].is_boot` + not,
	}
	fs := s.ValidateFor(TypeContainer)
	findingtest.Expect(t, "fields", fs, fields...)
	for value, n := range map[string]int{
		`cpu_type = "host-model"`: 0, `gpu_count = 0`: 2, `vlan = 7`: 5, `"/proc/data"`: 6, `is_boot = true`: 8,
	} {
		if !strings.Contains(fs[n].Detail, value) {
			t.Errorf("%s does not show %s", fs[n].Detail, value)
		}
	}
	whole := s.ValidateWhole(TypeContainer)
	findingtest.Expect(t, "whole", whole, append(fields, "cloud_init"+not)...)
	if got := whole[len(whole)-1].Detail; got != NoCloudInit {
		t.Errorf("got %s", got)
	}
	findingtest.Expect(t, "a machine", s.ValidateWhole(TypeVM),
		`storage_profile.disks["data"].mount_path: Not supported by this type of template`)
}

func TestASystemContainerHasCloudInit(t *testing.T) {
	s := Spec{
		VM:         VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n"}},
		Containers: Containers{&container.Settings{Init: new(container.SystemInit), Privileged: new(true)}},
	}
	findingtest.Expect(t, "a system", s.ValidateWhole(TypeContainer))
	s.Container = &container.Settings{Init: new(container.SystemInit)}
	findingtest.Expect(t, "not privileged", s.ValidateWhole(TypeContainer),
		"container.privileged: System container is not privileged")
	for of, want := range map[string]bool{TypeVM: true, TypeContainer: false} {
		if CloudInit(of, nil) != want || CloudInit(of, &container.Settings{}) != want || !CloudInit(of, s.Container) {
			t.Errorf("cloud-init configures a %s: want %t", of, want)
		}
	}
}

func TestMountsOfAContainer(t *testing.T) {
	at := func(path string) profile.Disk { return profile.Disk{SizeGB: new(int64(1)), MountPath: &path} }
	blank := profile.Disk{SizeGB: new(int64(1))}
	type named = map[string]profile.Disk
	for name, c := range map[string]struct {
		disks named
		tmpfs []string
		want  []string
	}{
		"none":              {},
		"the system disk":   {disks: named{"root": blank}},
		"a data disk alone": {disks: named{"data": at("/a")}},
		"data disks alone":  {disks: named{"a": at("/a"), "b": at("/b")}},
		"one in another":    {disks: named{"a": at("/a/b")}, tmpfs: []string{"/a", "/a/b/c"}},
		"no mount path": {disks: named{"system": {}, "data": blank}, want: []string{
			`storage_profile.disks["data"].mount_path: Missing mount path`,
		}},
		"at the root": {disks: named{"system": at("/a")}, want: []string{
			`storage_profile.disks["system"].mount_path: System disk with a mount path`,
		}},
		"two disks": {disks: named{"a": at("/a"), "b": at("/a")}, want: []string{
			`storage_profile.disks["b"].mount_path: Two mounts at one path`,
		}},
		"a disk and a tmpfs": {disks: named{"a": at("/a")}, tmpfs: []string{"/a"}, want: []string{
			`container.tmpfs["/a"]: Two mounts at one path`,
		}},
		"a disk without size": {disks: named{"data": {MountPath: new("/a")}}, want: []string{
			`storage_profile.disks["data"]: Missing disk size`,
		}},
	} {
		s := Spec{Storage: disks(c.disks), Containers: Containers{&container.Settings{}}}
		if c.disks == nil {
			s.Storage = nil
		}
		for _, path := range c.tmpfs {
			if s.Container.Tmpfs == nil {
				s.Container.Tmpfs = map[string]container.Tmpfs{}
			}
			s.Container.Tmpfs[path] = container.Tmpfs{}
		}
		findingtest.Expect(t, name, append(s.Validate(), s.ValidateWhole(TypeContainer)...), c.want...)
	}
}

func TestAParameterDrivesADiskOfAContainer(t *testing.T) {
	s := Spec{
		Storage:    disks(map[string]profile.Disk{"data": {SizeGB: new(int64(1)), MountPath: new("/a")}}),
		Parameters: map[string]parameter.Parameter{"size": {Type: "integer", Target: "disk.system.size_gb"}},
	}
	findingtest.Expect(t, "the disk that is not named", s.ValidateWhole(TypeContainer))
}

func TestTheSystemDiskOfAContainerHasAnySize(t *testing.T) {
	s := Spec{Storage: disks(map[string]profile.Disk{"system": {SizeGB: new(int64(1))}})}
	findingtest.Expect(t, "a container", s.CheckImage(TypeContainer, 2<<30))
	findingtest.Expect(t, "a machine", s.CheckImage(TypeVM, 2<<30),
		`storage_profile.disks["system"].size_gb: Disk smaller than image`)
}

func TestWhatAnInstanceAsksForFitsItsVersion(t *testing.T) {
	version := Spec{
		Storage:    disks(map[string]profile.Disk{"data": {SizeGB: new(int64(1)), MountPath: new("/a")}}),
		Parameters: map[string]parameter.Parameter{"port": {Type: "integer"}},
		Containers: Containers{&container.Settings{Tmpfs: map[string]container.Tmpfs{"/run": {}}}},
	}
	settings := func(s container.Settings) Spec { return Spec{Containers: Containers{&s}} }
	for name, c := range map[string]struct {
		of    string
		asked Spec
		want  []string
	}{
		"nothing": {of: TypeContainer},
		"a variable": {
			TypeContainer, settings(container.Settings{Env: map[string]string{"PORT": "{{ .port }}"}}), nil,
		},
		"a name": {TypeContainer, settings(container.Settings{User: new("{{ .user }}")}), []string{
			"container.user: Unknown parameter",
		}},
		"a form": {TypeContainer, settings(container.Settings{Restart: new("maybe")}), []string{
			"container.restart: Unknown restart policy",
		}},
		"a machine's": {TypeContainer, Spec{Hardware: &profile.Hardware{Firmware: new("bios")}}, []string{
			"hardware_profile.firmware: Not supported by this type of template",
		}},
		"a disk without a path": {TypeContainer,
			Spec{Storage: disks(map[string]profile.Disk{"more": {SizeGB: new(int64(1))}})},
			[]string{`storage_profile.disks["more"].mount_path: Missing mount path`}},
		"a disk that grows": {TypeContainer,
			Spec{Storage: disks(map[string]profile.Disk{"data": {SizeGB: new(int64(2))}})}, nil},
		"a disk at the path of a tmpfs": {TypeContainer,
			Spec{Storage: disks(map[string]profile.Disk{"data": {MountPath: new("/run")}})},
			[]string{`container.tmpfs["/run"]: Two mounts at one path`}},
		"a system": {TypeContainer, settings(container.Settings{Init: new(container.SystemInit)}), []string{
			"container.privileged: System container is not privileged",
		}},
	} {
		findingtest.Expect(t, name, ValidateInstance(c.of, version, c.asked, false), c.want...)
	}
	findingtest.Expect(t, "a machine", ValidateInstance(TypeVM, Spec{}, settings(container.Settings{}), false),
		"container: Not supported by this type of template")
	system := Spec{
		VM:         VM{CloudInit: &cloudinit.Config{UserData: "#cloud-config\n"}},
		Containers: Containers{&container.Settings{Init: new(container.SystemInit), Privileged: new(true)}},
	}
	findingtest.Expect(t, "another init", ValidateInstance(TypeContainer, system,
		settings(container.Settings{Init: new(container.ProcessInit)}), false),
		"container.init: Not supported by this type of template")
	undecided := settings(container.Settings{Init: new(container.ProcessInit), User: new("a b")})
	findingtest.Expect(t, "another init, which is not all", ValidateInstance(TypeContainer, system, undecided, true),
		"container.user: Invalid user")
}

func TestNothingReadsTheSSHKeyOfAnApplication(t *testing.T) {
	s := Spec{Parameters: map[string]parameter.Parameter{
		"key": {Type: parameter.TypeString, Target: parameter.TargetSSHKey}, "ssh_key": {Type: parameter.TypeString},
	}}
	findingtest.Expect(t, "an application", s.ValidateWhole(TypeContainer),
		`parameters["key"].target: Not supported by this type of template`)
	findingtest.Expect(t, "a machine", s.ValidateWhole(TypeVM))
	s.Container = &container.Settings{Init: new(container.SystemInit), Privileged: new(true)}
	findingtest.Expect(t, "a system", s.ValidateWhole(TypeContainer))
	findingtest.Expect(t, "an application of its own", ValidateInstance(TypeContainer, s,
		Spec{Containers: Containers{&container.Settings{Init: new(container.ProcessInit)}}}, false),
		"container.init: Not supported by this type of template")
}
