package catalog

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

func TestAVersionsSpecTakesTheTemplatesPlaceWhole(t *testing.T) {
	base := Spec{Hardware: &profile.Hardware{MemoryMB: new(int64(512)), CPUCores: new(int64(2))}, Parameters: map[string]Parameter{"hostname": {Type: "string"}}}
	over := Spec{Hardware: &profile.Hardware{MemoryMB: new(int64(1024))}, Parameters: map[string]Parameter{}}
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
		{}, {Hardware: &profile.Hardware{}, Network: &profile.Network{}, Storage: &profile.Storage{}, Parameters: map[string]Parameter{}},
		{Network: &profile.Network{Interfaces: map[string]profile.Interface{}}, Storage: &profile.Storage{Disks: map[string]profile.Disk{"a": {System: new(false)}}}},
		{Network: &profile.Network{RequiresPublicIP: new(false), Policies: []string{}, Interfaces: map[string]profile.Interface{
			"eth0": {VLAN: new(int64(7)), IP: &profile.IPConfiguration{DHCP: new(false), DNS: []string{}}}, "eth1": {IP: &profile.IPConfiguration{StaticIP: new("10.0.0.5/24")}},
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
