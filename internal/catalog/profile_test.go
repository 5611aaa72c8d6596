package catalog

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// found lists findings as "path: summary".
func found(fs finding.List) []string {
	var lines []string
	for _, f := range fs {
		lines = append(lines, f.Path.String()+": "+f.Summary)
		if !strings.HasSuffix(f.Detail, ".") && !strings.HasSuffix(f.Detail, "?") || len(f.Detail) < 2 {
			lines = append(lines, "not a sentence: "+f.Detail)
		}
		for _, step := range f.Path {
			if step.Key && !strings.Contains(f.Detail, strconv.Quote(step.Name)) {
				lines = append(lines, "does not name "+step.Name+": "+f.Detail)
			}
		}
	}
	return lines
}

func expect(t *testing.T, name string, fs finding.List, want ...string) {
	t.Helper()
	if got := found(fs); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

func TestHardwareProfiles(t *testing.T) {
	var none *HardwareProfile
	if got, want := none.Machine(), (Machine{Sockets: 1, Cores: 1, CPU: "host-model", MemoryMiB: 1024, Firmware: "bios"}); got != want {
		t.Errorf("by default %+v, want %+v", got, want)
	}
	over := (&HardwareProfile{CPUCores: new(int64(4)), GPUCount: new(int64(2))}).
		Over(&HardwareProfile{CPUCores: new(int64(2)), MemoryMB: new(int64(512)), Firmware: new("efi"), GPUType: new("10DE:1EB8")})
	if got, want := over.Machine(), (Machine{1, 4, "host-model", 512, "efi", 2, "10de:1eb8"}); got != want {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	if base := (&HardwareProfile{}); none.Over(base) != base || base.Over(nil) != base {
		t.Error("a profile over nothing, or nothing over a profile, is the profile")
	}
	if got := (&HardwareProfile{GPUCount: new(int64(0)), GPUType: new("10de:1eb8")}).Machine(); got != none.Machine() {
		t.Errorf("no GPUs of a type make %+v", got)
	}
	expect(t, "none", none.Validate())
	expect(t, "nothing missing", append(none.Missing(), over.Missing()...))
	expect(t, "missing", (&HardwareProfile{GPUCount: new(int64(1))}).Missing(), "hardware_profile.gpu_type: Missing GPU type")
	expect(t, "GPUs", (&HardwareProfile{Firmware: new("uefi"), GPUCount: new(int64(17)), GPUType: new("Tesla T4")}).Validate(),
		"hardware_profile.firmware: Unknown firmware", "hardware_profile.gpu_count: Value out of range", "hardware_profile.gpu_type: Invalid GPU type")
	expect(t, "limits", (&HardwareProfile{CPUCount: new(int64(64)), CPUCores: new(int64(512)), MemoryMB: new(int64(32)), CPUType: new("maximum")}).Validate())
	expect(t, "beyond", (&HardwareProfile{CPUCount: new(int64(0)), CPUCores: new(int64(-1)), MemoryMB: new(int64(31)), CPUType: new(" ")}).Validate(),
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
		"nothing said":          {nil, []Drive{{Name: "system", System: true, Boot: true}}, nil},
		"the one is the system": {map[string]Disk{"root": disk(3)}, []Drive{{Name: "root", Size: 3 << 30, System: true, Boot: true}}, nil},
		"by name":               {map[string]Disk{"system": {}, "data": disk(1)}, []Drive{{Name: "system", System: true, Boot: true}, {Name: "data", Size: 1 << 30}}, nil},
		"by mark": {map[string]Disk{"system": disk(1), "root": system(disk(2)), "d10": disk(1), "d9": disk(1)},
			[]Drive{{Name: "root", Size: 2 << 30, System: true, Boot: true}, {Name: "d9", Size: 1 << 30}, {Name: "d10", Size: 1 << 30}, {Name: "system", Size: 1 << 30}}, nil},
		"no disks":   {map[string]Disk{}, nil, []string{"storage_profile.disks: No disks"}},
		"no system":  {map[string]Disk{"a": disk(1), "b": disk(1)}, nil, []string{"storage_profile.disks: No system disk"}},
		"two marked": {map[string]Disk{"a": system(disk(1)), "b": system(disk(1))}, nil, []string{`storage_profile.disks["b"].is_system_disk: Duplicate system disk`}},
		"blank without size": {map[string]Disk{"system": {}, "data": {}}, nil,
			[]string{`storage_profile.disks["data"]: Missing disk size`}},
		"too small": {map[string]Disk{"system": disk(0)}, nil, []string{`storage_profile.disks["system"].size_gb: Value out of range`}},
		"too large": {map[string]Disk{"system": disk(64<<10 + 1)}, nil, []string{`storage_profile.disks["system"].size_gb: Value out of range`}},
		"bad name":  {map[string]Disk{"system": {}, "a.b": disk(1)}, nil, []string{`storage_profile.disks["a.b"]: Invalid disk name`}},
		"typed and tiered": {map[string]Disk{"system": {Type: new("ssd")}, "data": {SizeGB: new(int64(1)), Type: new("hdd"), Tier: new("bulk")}},
			[]Drive{{Name: "system", System: true, Type: "ssd", Boot: true}, {Name: "data", Size: 1 << 30, Type: "hdd", Tier: "bulk"}}, nil},
		"started from data": {map[string]Disk{"system": {}, "data": {SizeGB: new(int64(1)), Boot: new(true)}},
			[]Drive{{Name: "system", System: true}, {Name: "data", Size: 1 << 30, Boot: true}}, nil},
		"two to start from": {map[string]Disk{"system": {Boot: new(true)}, "data": {SizeGB: new(int64(1)), Boot: new(true)}}, nil,
			[]string{`storage_profile.disks["system"].is_boot: Duplicate boot disk`}},
		"none to start from": {map[string]Disk{"system": {Boot: new(false)}, "data": {SizeGB: new(int64(1))}}, nil,
			[]string{`storage_profile.disks["system"].is_boot: No boot disk`}},
		"unknown type": {map[string]Disk{"system": {Type: new("nvme"), Tier: new(" ")}}, nil,
			[]string{`storage_profile.disks["system"].type: Unknown disk type`, `storage_profile.disks["system"].storage_tier: Empty name`}},
		"none is the system": {map[string]Disk{"system": {System: new(false)}}, nil, []string{"storage_profile.disks: No system disk"}},
		"the system by name is none": {map[string]Disk{"system": {SizeGB: new(int64(1)), System: new(false)}, "root": system(Disk{})},
			[]Drive{{Name: "root", System: true, Boot: true}, {Name: "system", Size: 1 << 30}}, nil},
	} {
		profile := &StorageProfile{c.disks}
		expect(t, name, profile.Validate(), c.wrong...)
		if c.want != nil {
			if got := profile.Drives(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: got %+v, want %+v", name, got, c.want)
			}
		}
	}
	grown := (&StorageProfile{map[string]Disk{"system": disk(9), "extra": disk(1)}}).Over(&StorageProfile{map[string]Disk{"system": disk(3), "data": disk(2)}})
	if got, want := grown.Drives(), []Drive{{Name: "system", Size: 9 << 30, System: true, Boot: true}, {Name: "data", Size: 2 << 30}, {Name: "extra", Size: 1 << 30}}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	under := &StorageProfile{map[string]Disk{"system": {Type: new("ssd"), Tier: new("fast"), Boot: new(true)}}}
	moved := (&StorageProfile{map[string]Disk{"system": {Tier: new("bulk")}}}).Over(under)
	if got, want := moved.Drives(), []Drive{{Name: "system", System: true, Type: "ssd", Tier: "bulk", Boot: true}}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	expect(t, "an override may leave out what it lies over", (&StorageProfile{map[string]Disk{"a": {}, "b": {Boot: new(false)}}}).ValidateDisks())
	alone := (&StorageProfile{map[string]Disk{"data": disk(1)}}).Over(nil)
	if got, want := alone.Drives(), []Drive{{Name: "system", System: true, Boot: true}, {Name: "data", Size: 1 << 30}}; !reflect.DeepEqual(got, want) {
		t.Errorf("a data disk over a base that says nothing: %+v, want %+v", got, want)
	}
	named := &StorageProfile{map[string]Disk{"root": disk(2)}}
	expect(t, "fits", named.CheckImage(2<<30))
	expect(t, "does not fit", named.CheckImage(2<<30+1), `storage_profile.disks["root"].size_gb: Disk smaller than image`)
	var none *StorageProfile
	expect(t, "image's size", none.CheckImage(1<<40))
}

func TestAVersionsSpecTakesTheTemplatesPlaceWhole(t *testing.T) {
	base := Spec{Hardware: &HardwareProfile{MemoryMB: new(int64(512)), CPUCores: new(int64(2))}, Parameters: map[string]Parameter{"hostname": {Type: "string"}}}
	over := Spec{Hardware: &HardwareProfile{MemoryMB: new(int64(1024))}, Parameters: map[string]Parameter{}}
	got := over.Over(base)
	if got.Hardware.CPUCores != nil || len(got.Parameters) != 0 || got.Parameters == nil {
		t.Errorf("got %+v", got)
	}
	if got := (Spec{}).Over(base); !reflect.DeepEqual(got, base) {
		t.Errorf("a spec that says nothing made %+v", got)
	}
}

// TestASpecIsStoredAsItIsMeant: an empty map says something else than none.
func TestASpecIsStoredAsItIsMeant(t *testing.T) {
	for _, spec := range []Spec{
		{}, {Hardware: &HardwareProfile{}, Network: &NetworkProfile{}, Storage: &StorageProfile{}, Parameters: map[string]Parameter{}},
		{Network: &NetworkProfile{Interfaces: map[string]Interface{}}, Storage: &StorageProfile{map[string]Disk{"a": {System: new(false)}}}},
		{Network: &NetworkProfile{RequiresPublicIP: new(false), Policies: []string{}, Interfaces: map[string]Interface{
			"eth0": {VLAN: new(int64(7)), IP: &IPConfiguration{DHCP: new(false), DNS: []string{}}}, "eth1": {IP: &IPConfiguration{StaticIP: new("10.0.0.5/24")}},
		}}},
		{Parameters: map[string]Parameter{"hostname": {Type: "string", Default: new("")}}},
	} {
		data, err := json.Marshal(spec)
		var got Spec
		if err == nil {
			err = json.Unmarshal(data, &got)
		}
		if err != nil || !reflect.DeepEqual(got, spec) {
			t.Errorf("%s is read as %+v, %v, want %+v", data, got, err, spec)
		}
	}
}
