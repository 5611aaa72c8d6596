package profile

import (
	"reflect"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func TestHardwareProfiles(t *testing.T) {
	var none *Hardware
	if got, want := none.Machine(), (Machine{
		Sockets:   1,
		Cores:     1,
		CPU:       "host-model",
		MemoryMiB: 1024,
		Firmware:  "bios",
	}); got != want {
		t.Errorf("by default %+v, want %+v", got, want)
	}
	over := (&Hardware{CPUCores: new(int64(4)), GPUCount: new(int64(2))}).
		Over(&Hardware{
			CPUCores: new(int64(2)), MemoryMB: new(int64(512)), Firmware: new("efi"), GPUType: new("10DE:1EB8"),
		})
	if got, want := over.Machine(), (Machine{1, 4, "host-model", 512, "efi", 2, "10de:1eb8"}); got != want {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	if base := (&Hardware{}); none.Over(base) != base || base.Over(nil) != base {
		t.Error("a profile over nothing, or nothing over a profile, is the profile")
	}
	if got := (&Hardware{GPUCount: new(int64(0)), GPUType: new("10de:1eb8")}).Machine(); got != none.Machine() {
		t.Errorf("no GPUs of a type make %+v", got)
	}
	findingtest.Expect(t, "none", none.Validate())
	findingtest.Expect(t, "nothing missing", append(none.Missing(), over.Missing()...))
	findingtest.Expect(t, "missing", (&Hardware{GPUCount: new(int64(1))}).Missing(),
		"hardware_profile.gpu_type: Missing GPU type")
	findingtest.Expect(t, "GPUs", (&Hardware{
		Firmware: new("uefi"), GPUCount: new(int64(17)), GPUType: new("Tesla T4"),
	}).Validate(),
		"hardware_profile.firmware: Unknown firmware", "hardware_profile.gpu_count: Value out of range",
		"hardware_profile.gpu_type: Invalid GPU type")
	findingtest.Expect(t, "limits", (&Hardware{
		CPUCount: new(int64(64)), CPUCores: new(int64(512)), MemoryMB: new(int64(32)), CPUType: new("maximum"),
	}).Validate())
	findingtest.Expect(t, "beyond", (&Hardware{
		CPUCount: new(int64(0)), CPUCores: new(int64(-1)), MemoryMB: new(int64(31)), CPUType: new(" "),
	}).Validate(),
		"hardware_profile.cpu_count: Value out of range", "hardware_profile.cpu_cores: Value out of range",
		"hardware_profile.memory_mb: Value out of range", "hardware_profile.cpu_type: Empty CPU type")
}

func TestStorageProfiles(t *testing.T) {
	disk := func(size int64) Disk { return Disk{SizeGB: &size} }
	system := func(d Disk) Disk { d.System = new(true); return d }
	for name, c := range map[string]struct {
		disks map[string]Disk
		want  []Drive
		wrong []string
	}{
		"nothing said": {nil, []Drive{{Name: "system", System: true, Boot: true}}, nil},
		"the one is the system": {
			map[string]Disk{"root": disk(3)}, []Drive{{Name: "root", Size: 3 << 30, System: true, Boot: true}}, nil,
		},
		"by name": {
			map[string]Disk{"system": {}, "data": disk(1)},
			[]Drive{{Name: "system", System: true, Boot: true}, {Name: "data", Size: 1 << 30}}, nil,
		},
		"by mark": {map[string]Disk{"system": disk(1), "root": system(disk(2)), "d10": disk(1), "d9": disk(1)},
			[]Drive{
				{Name: "root", Size: 2 << 30, System: true, Boot: true},
				{Name: "d9", Size: 1 << 30},
				{Name: "d10", Size: 1 << 30},
				{Name: "system", Size: 1 << 30},
			}, nil},
		"no disks": {map[string]Disk{}, nil, []string{"storage_profile.disks: No disks"}},
		"no system": {
			map[string]Disk{"a": disk(1), "b": disk(1)}, nil, []string{"storage_profile.disks: No system disk"},
		},
		"two marked": {map[string]Disk{"a": system(disk(1)), "b": system(disk(1))}, nil,
			[]string{`storage_profile.disks["b"].is_system_disk: Duplicate system disk`}},
		"blank without size": {map[string]Disk{"system": {}, "data": {}}, nil,
			[]string{`storage_profile.disks["data"]: Missing disk size`}},
		"too small": {
			map[string]Disk{"system": disk(0)}, nil,
			[]string{`storage_profile.disks["system"].size_gb: Value out of range`},
		},
		"too large": {
			map[string]Disk{"system": disk(64<<10 + 1)}, nil,
			[]string{`storage_profile.disks["system"].size_gb: Value out of range`},
		},
		"bad name": {
			map[string]Disk{"system": {}, "a.b": disk(1)}, nil,
			[]string{`storage_profile.disks["a.b"]: Invalid disk name`},
		},
		"typed and tiered": {map[string]Disk{
			"system": {Type: new("ssd")}, "data": {SizeGB: new(int64(1)), Type: new("hdd"), Tier: new("bulk")},
		},
			[]Drive{
				{Name: "system", System: true, Type: "ssd", Boot: true},
				{Name: "data", Size: 1 << 30, Type: "hdd", Tier: "bulk"},
			}, nil},
		"started from data": {map[string]Disk{"system": {}, "data": {SizeGB: new(int64(1)), Boot: new(true)}},
			[]Drive{{Name: "system", System: true}, {Name: "data", Size: 1 << 30, Boot: true}}, nil},
		"two to start from": {map[string]Disk{
			"system": {Boot: new(true)}, "data": {SizeGB: new(int64(1)), Boot: new(true)},
		}, nil,
			[]string{`storage_profile.disks["system"].is_boot: Duplicate boot disk`}},
		"none to start from": {map[string]Disk{"system": {Boot: new(false)}, "data": {SizeGB: new(int64(1))}}, nil,
			[]string{`storage_profile.disks["system"].is_boot: No boot disk`}},
		"unknown type": {map[string]Disk{"system": {Type: new("nvme"), Tier: new(" ")}}, nil,
			[]string{
				`storage_profile.disks["system"].type: Unknown disk type`,
				`storage_profile.disks["system"].storage_tier: Empty name`,
			}},
		"none is the system": {map[string]Disk{"system": {System: new(false)}}, nil,
			[]string{"storage_profile.disks: No system disk"}},
		"the system by name is none": {map[string]Disk{
			"system": {SizeGB: new(int64(1)), System: new(false)}, "root": system(Disk{}),
		},
			[]Drive{{Name: "root", System: true, Boot: true}, {Name: "system", Size: 1 << 30}}, nil},
	} {
		profile := &Storage{c.disks}
		findingtest.Expect(t, name, profile.Validate(), c.wrong...)
		if c.want != nil {
			if got := profile.Drives(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: got %+v, want %+v", name, got, c.want)
			}
		}
	}
	grown := (&Storage{map[string]Disk{"system": disk(9), "extra": disk(1)}}).Over(&Storage{
		map[string]Disk{"system": disk(3), "data": disk(2)},
	})
	if got, want := grown.Drives(), []Drive{
		{Name: "system", Size: 9 << 30, System: true, Boot: true},
		{Name: "data", Size: 2 << 30},
		{Name: "extra", Size: 1 << 30},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	under := &Storage{map[string]Disk{"system": {Type: new("ssd"), Tier: new("fast"), Boot: new(true)}}}
	moved := (&Storage{map[string]Disk{"system": {Tier: new("bulk")}}}).Over(under)
	if got, want := moved.Drives(), []Drive{
		{Name: "system", System: true, Type: "ssd", Tier: "bulk", Boot: true},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	findingtest.Expect(t, "an override may leave out what it lies over",
		(&Storage{map[string]Disk{"a": {}, "b": {Boot: new(false)}}}).ValidateDisks())
	alone := (&Storage{map[string]Disk{"data": disk(1)}}).Over(nil)
	if got, want := alone.Drives(), []Drive{
		{Name: "system", System: true, Boot: true},
		{Name: "data", Size: 1 << 30},
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("a data disk over a base that says nothing: %+v, want %+v", got, want)
	}
	named := &Storage{map[string]Disk{"root": disk(2)}}
	findingtest.Expect(t, "fits", named.CheckImage(2<<30))
	findingtest.Expect(t, "does not fit", named.CheckImage(2<<30+1),
		`storage_profile.disks["root"].size_gb: Disk smaller than image`)
	var none *Storage
	findingtest.Expect(t, "image's size", none.CheckImage(1<<40))
}
