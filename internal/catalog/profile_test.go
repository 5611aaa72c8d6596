package catalog

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// found lists findings as "path: summary".
func found(fs Findings) []string {
	var lines []string
	for _, f := range fs {
		lines = append(lines, f.Path.String()+": "+f.Summary)
		if !strings.HasSuffix(f.Detail, ".") && !strings.HasSuffix(f.Detail, "?") || len(f.Detail) < 2 {
			lines = append(lines, "not a sentence: "+f.Detail)
		}
	}
	return lines
}

func expect(t *testing.T, name string, fs Findings, want ...string) {
	t.Helper()
	if got := found(fs); !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

func TestHardwareProfiles(t *testing.T) {
	var none *HardwareProfile
	if got, want := none.Machine(), (Machine{1, 1, "host-model", 1024}); got != want {
		t.Errorf("by default %+v, want %+v", got, want)
	}
	over := (&HardwareProfile{CPUCores: new(int64(4))}).Over(&HardwareProfile{CPUCores: new(int64(2)), MemoryMB: new(int64(512))})
	if got, want := over.Machine(), (Machine{1, 4, "host-model", 512}); got != want {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	if base := (&HardwareProfile{}); none.Over(base) != base || base.Over(nil) != base {
		t.Error("a profile over nothing, or nothing over a profile, is the profile")
	}
	expect(t, "none", none.Validate())
	expect(t, "limits", (&HardwareProfile{CPUCount: new(int64(64)), CPUCores: new(int64(512)), MemoryMB: new(int64(32)), CPUType: new("maximum")}).Validate())
	expect(t, "beyond", (&HardwareProfile{CPUCount: new(int64(0)), CPUCores: new(int64(-1)), MemoryMB: new(int64(31)), CPUType: new(" ")}).Validate(),
		"hardware_profile.cpu_count: Value out of range", "hardware_profile.cpu_cores: Value out of range",
		"hardware_profile.memory_mb: Value out of range", "hardware_profile.cpu_type: Empty CPU type")
}

func TestNetworkProfiles(t *testing.T) {
	var none *NetworkProfile
	for name, c := range map[string]struct {
		profile *NetworkProfile
		want    []NIC
	}{
		"nothing said":         {none, []NIC{{"eth0", "virtio", "default", "", ""}}},
		"no interfaces said":   {&NetworkProfile{}, []NIC{{"eth0", "virtio", "default", "", ""}}},
		"no interfaces wanted": {&NetworkProfile{map[string]Interface{}}, []NIC{}},
		"two, in order": {&NetworkProfile{map[string]Interface{"eth10": {Bridge: new("br0")}, "eth2": {Model: new("e1000"), MAC: new("52:54:00:AB:00:01")}}},
			[]NIC{{"eth2", "e1000", "default", "", "52:54:00:ab:00:01"}, {"eth10", "virtio", "", "br0", ""}}},
	} {
		if got := c.profile.NICs(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	merged := (&NetworkProfile{map[string]Interface{"eth0": {Bridge: new("br0")}, "eth1": {}}}).
		Over(&NetworkProfile{map[string]Interface{"eth0": {Network: new("lab"), Model: new("e1000")}}})
	if got, want := merged.NICs(), []NIC{{"eth0", "e1000", "", "br0", ""}, {"eth1", "virtio", "default", "", ""}}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	at := `network_profile.interfaces["eth0"]`
	for name, c := range map[string]struct {
		i    Interface
		want string
	}{
		"both":      {Interface{Network: new("a"), Bridge: new("b")}, at + ".bridge: Two places to plug in"},
		"model":     {Interface{Model: new("ne2k")}, at + ".type: Unknown interface type"},
		"network":   {Interface{Network: new("")}, at + ".network: Empty name"},
		"bridge":    {Interface{Bridge: new(" ")}, at + ".bridge: Empty name"},
		"mac":       {Interface{MAC: new("x")}, at + ".mac_address: Invalid MAC address"},
		"long mac":  {Interface{MAC: new("00:00:00:00:fe:80:00:00")}, at + ".mac_address: Invalid MAC address"},
		"multicast": {Interface{MAC: new("01:00:5e:00:00:01")}, at + ".mac_address: Multicast MAC address"},
		"null mac":  {Interface{MAC: new("00:00:00:00:00:00")}, at + ".mac_address: Invalid MAC address"},
	} {
		expect(t, name, (&NetworkProfile{map[string]Interface{"eth0": c.i}}).Validate(), c.want)
	}
	expect(t, "twice", (&NetworkProfile{map[string]Interface{"eth0": {MAC: new("52:54:00:ab:00:01")}, "Eth1": {MAC: new("52-54-00-AB-00-01")}}}).Validate(),
		`network_profile.interfaces["Eth1"]: Invalid interface name`, `network_profile.interfaces["eth0"].mac_address: MAC address used twice`)
}

func TestStorageProfiles(t *testing.T) {
	disk := func(size int64) Disk { return Disk{SizeGB: &size} }
	system := func(d Disk) Disk { d.System = new(true); return d }
	for name, c := range map[string]struct {
		disks map[string]Disk
		want  []Drive
		wrong []string
	}{
		"nothing said":          {nil, []Drive{{"system", 0, true}}, nil},
		"the one is the system": {map[string]Disk{"root": disk(3)}, []Drive{{"root", 3 << 30, true}}, nil},
		"by name":               {map[string]Disk{"system": {}, "data": disk(1)}, []Drive{{"system", 0, true}, {"data", 1 << 30, false}}, nil},
		"by mark": {map[string]Disk{"system": disk(1), "root": system(disk(2)), "d10": disk(1), "d9": disk(1)},
			[]Drive{{"root", 2 << 30, true}, {"d9", 1 << 30, false}, {"d10", 1 << 30, false}, {"system", 1 << 30, false}}, nil},
		"no disks":   {map[string]Disk{}, nil, []string{"storage_profile.disks: No disks"}},
		"no system":  {map[string]Disk{"a": disk(1), "b": disk(1)}, nil, []string{"storage_profile.disks: No system disk"}},
		"two marked": {map[string]Disk{"a": system(disk(1)), "b": system(disk(1))}, nil, []string{`storage_profile.disks["b"].is_system_disk: Two system disks`}},
		"blank without size": {map[string]Disk{"system": {}, "data": {}}, nil,
			[]string{`storage_profile.disks["data"]: Data disk without a size`}},
		"too small":          {map[string]Disk{"system": disk(0)}, nil, []string{`storage_profile.disks["system"].size_gb: Value out of range`}},
		"too large":          {map[string]Disk{"system": disk(64<<10 + 1)}, nil, []string{`storage_profile.disks["system"].size_gb: Value out of range`}},
		"bad name":           {map[string]Disk{"system": {}, "a.b": disk(1)}, nil, []string{`storage_profile.disks["a.b"]: Invalid disk name`}},
		"none is the system": {map[string]Disk{"system": {System: new(false)}}, nil, []string{"storage_profile.disks: No system disk"}},
		"the system by name is none": {map[string]Disk{"system": {SizeGB: new(int64(1)), System: new(false)}, "root": system(Disk{})},
			[]Drive{{"root", 0, true}, {"system", 1 << 30, false}}, nil},
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
	if got, want := grown.Drives(), []Drive{{"system", 9 << 30, true}, {"data", 2 << 30, false}, {"extra", 1 << 30, false}}; !reflect.DeepEqual(got, want) {
		t.Errorf("merged %+v, want %+v", got, want)
	}
	alone := (&StorageProfile{map[string]Disk{"data": disk(1)}}).Over(nil)
	if got, want := alone.Drives(), []Drive{{"system", 0, true}, {"data", 1 << 30, false}}; !reflect.DeepEqual(got, want) {
		t.Errorf("a data disk over a base that says nothing: %+v, want %+v", got, want)
	}
	named := &StorageProfile{map[string]Disk{"root": disk(2)}}
	expect(t, "fits", named.CheckImage(2<<30))
	expect(t, "does not fit", named.CheckImage(2<<30+1), `storage_profile.disks["root"].size_gb: Disk smaller than its image`)
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
		{Network: &NetworkProfile{map[string]Interface{}}, Storage: &StorageProfile{map[string]Disk{"a": {System: new(false)}}}},
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
