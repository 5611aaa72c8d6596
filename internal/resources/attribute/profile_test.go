package attribute

import (
	"context"
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

func TestProfilesAreReadAsWritten(t *testing.T) {
	yes, one, text := true, int64(1), "x"
	for name, want := range map[string]*profile.Network{
		"none":    nil,
		"nothing": {},
		"empty":   {Policies: []string{}, Interfaces: map[string]profile.Interface{}},
		"all": {RequiresPublicIP: &yes, Policies: []string{"a"}, Interfaces: map[string]profile.Interface{
			"eth0": {Model: &text, Network: &text, Bridge: &text, VLAN: &one, MAC: &text, IP: &profile.IPConfiguration{
				DHCP: &yes, StaticIP: &text, Gateway: &text, DNS: []string{"b", "a"}}},
			"eth1": {IP: &profile.IPConfiguration{}},
		}},
	} {
		if got, known := Network(NetworkObject(want)); !known || !reflect.DeepEqual(got, want) {
			t.Errorf("network, %s: got %+v (known: %t), want %+v", name, got, known, want)
		}
	}
	storage := &profile.Storage{
		Disks: map[string]profile.Disk{
			"a": {SizeGB: &one, Type: &text, Tier: &text, Boot: &yes, System: &yes, MountPath: &text}, "b": {},
		},
	}
	if got, known := Storage(StorageObject(storage)); !known || !reflect.DeepEqual(got, storage) {
		t.Errorf("storage: got %+v (known: %t), want %+v", got, known, storage)
	}
	hardware := &profile.Hardware{
		CPUCount: &one, CPUCores: &one, CPUType: &text, MemoryMB: &one, Firmware: &text, GPUCount: &one, GPUType: &text,
	}
	if got, known := Hardware(HardwareObject(hardware)); !known || !reflect.DeepEqual(got, hardware) {
		t.Errorf("hardware: got %+v (known: %t), want %+v", got, known, hardware)
	}
}

// with returns a copy of an object in which one attribute has another value.
func with(o types.Object, name string, v attr.Value) types.Object {
	attributes := o.Attributes()
	attributes[name] = v
	return types.ObjectValueMust(o.AttributeTypes(context.Background()), attributes)
}

// Some parts of a profile are only meaningful together with another one. While that one is unknown,
// they are not checked.
func TestWhatIsNotKnownIsNotFoundWrong(t *testing.T) {
	text, one := "10.0.0.1", int64(1)
	network := func(ip types.Object) types.Object {
		i := types.ObjectValueMust(interfaceTypes, map[string]attr.Value{
			"type":             types.StringNull(),
			"network":          types.StringNull(),
			"bridge":           types.StringNull(),
			"vlan":             types.Int64Unknown(),
			"mac_address":      types.StringNull(),
			"ip_configuration": ip,
		})
		return with(NetworkObject(&profile.Network{}), "interfaces",
			types.MapValueMust(interfaceType, map[string]attr.Value{"eth0": i}))
	}
	ip := ipObject(&profile.IPConfiguration{Gateway: &text})
	for name, o := range map[string]types.Object{
		"address": network(with(ip, "static_ip", types.StringUnknown())),
		"DNS server": network(with(ip, "dns_servers",
			types.ListValueMust(types.StringType, []attr.Value{types.StringUnknown()}))),
		"all": network(types.ObjectUnknown(ipTypes)),
	} {
		got, known := Network(o)
		if fs := append(got.Validate(), got.Missing()...); known || len(fs) > 0 {
			t.Errorf("%s: known is %t, found %v", name, known, fs)
		}
	}
	policies := with(NetworkObject(&profile.Network{}), "default_network_policies", types.SetUnknown(types.StringType))
	if got, known := Network(policies); known || len(got.Validate()) > 0 {
		t.Errorf("policies: known is %t, found %v", known, got.Validate())
	}
	gpu := with(HardwareObject(&profile.Hardware{GPUCount: &one}), "gpu_type", types.StringUnknown())
	if got, known := Hardware(gpu); known || len(got.Missing()) > 0 {
		t.Errorf("GPU: known is %t, found %v", known, got.Missing())
	}
	no := false
	storage := StorageObject(&profile.Storage{Disks: map[string]profile.Disk{"system": {Boot: &no}}})
	if fs := ValidateStorage(storage); len(fs) != 1 {
		t.Errorf("a machine that starts from nothing: %v", fs)
	}
	data := types.ObjectValueMust(diskTypes, map[string]attr.Value{
		"size_gb":        types.Int64Value(1),
		"type":           types.StringNull(),
		"storage_tier":   types.StringNull(),
		"is_boot":        types.BoolUnknown(),
		"is_system_disk": types.BoolNull(),
		"mount_path":     types.StringNull(),
	})
	disks := storage.Attributes()["disks"].(types.Map).Elements()
	disks["data"] = data
	if fs := ValidateStorage(with(storage, "disks", types.MapValueMust(diskType, disks))); len(fs) > 0 {
		t.Errorf("whether another disk is the one to start from is open, but found %v", fs)
	}
}
