package catalog

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding/findingtest"
)

func TestAVersionsSpecTakesTheTemplatesPlaceWhole(t *testing.T) {
	base := Spec{
		Hardware:   &profile.Hardware{MemoryMB: new(int64(512)), CPUCores: new(int64(2))},
		Parameters: map[string]parameter.Parameter{"hostname": {Type: "string"}},
	}
	over := Spec{Hardware: &profile.Hardware{MemoryMB: new(int64(1024))}, Parameters: map[string]parameter.Parameter{}}
	got := over.Over(base)
	if got.Hardware.CPUCores != nil || len(got.Parameters) != 0 || got.Parameters == nil {
		t.Errorf("got %+v", got)
	}
	if got := (Spec{}).Over(base); !reflect.DeepEqual(got, base) {
		t.Errorf("a spec that says nothing made %+v", got)
	}
}

// TestASpecIsStoredAsItIsMeant: an empty map means something else than none.
func TestASpecIsStoredAsItIsMeant(t *testing.T) {
	for _, spec := range []Spec{
		{}, {
			Hardware: &profile.Hardware{}, Network: &profile.Network{}, Storage: &profile.Storage{},
			Parameters: map[string]parameter.Parameter{},
		},
		{
			Network: &profile.Network{Interfaces: map[string]profile.Interface{}},
			Storage: &profile.Storage{Disks: map[string]profile.Disk{"a": {System: new(false)}}},
		},
		{Network: &profile.Network{RequiresPublicIP: new(false), Policies: []string{},
			Interfaces: map[string]profile.Interface{
				"eth0": {VLAN: new(int64(7)), IP: &profile.IPConfiguration{DHCP: new(false), DNS: []string{}}},
				"eth1": {IP: &profile.IPConfiguration{StaticIP: new("10.0.0.5/24")}},
			}}},
		{Parameters: map[string]parameter.Parameter{"hostname": {Type: "string", Default: new("")}}},
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

func TestSpecFitsTogether(t *testing.T) {
	userData := func(body string) *cloudinit.Config { return &cloudinit.Config{UserData: "#cloud-config\n" + body} }
	declared := map[string]parameter.Parameter{
		"port": {Type: "integer"}, "size": {Type: "integer", Target: "disk.data.size_gb"},
	}
	data := &profile.Storage{Disks: map[string]profile.Disk{"system": {}, "data": {SizeGB: new(int64(1))}}}
	findingtest.Expect(t, "fits", Spec{
		Parameters: declared, Storage: data, VM: VM{CloudInit: userData("a: {{ .port }}\n")},
	}.ValidateWhole(TypeVM))
	findingtest.Expect(t, "no disk", Spec{Parameters: declared}.ValidateWhole(TypeVM),
		`parameters["size"].target: Disk not found`)
	fs := Spec{
		Parameters: declared, Storage: data, VM: VM{CloudInit: userData("a: 1\nb: {{ .prot }}\n")},
	}.ValidateWhole(TypeVM)
	findingtest.Expect(t, "no parameter", fs, "cloud_init.user_data: Unknown parameter")
	if text := fs.Error(); !strings.Contains(text, "Line 3") || !strings.Contains(text, `Did you mean "port"?`) {
		t.Errorf("got %q, want the line and the nearest name", text)
	}
	findingtest.Expect(t, "field of a number", Spec{
		Parameters: declared, Storage: data, VM: VM{CloudInit: userData("b: {{ .port.x }}\n")},
	}.ValidateWhole(TypeVM), "cloud_init.user_data: Unknown field")
}
