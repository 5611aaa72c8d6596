package planner

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

func TestAChangeOfDevicesPlansWhatItChangesBeside(t *testing.T) {
	nics := []profile.NIC{{Name: "eth1"}}
	for name, c := range map[string]struct {
		devices   kind.Devices
		macs, ips bool // known after apply
		warnings  []string
	}{
		"nothing":            {kind.Devices{}, true, true, nil},
		"an interface comes": {kind.Devices{AddNICs: nics}, false, false, nil},
		"an interface goes":  {kind.Devices{DropNICs: []string{"eth0"}}, false, false, nil},
		"another network":    {kind.Devices{Reconnects: nics}, true, false, nil},
		"another card":       {kind.Devices{Swaps: nics}, true, false, nil},
		"a disk comes":       {kind.Devices{AddDisks: make([]kind.NewDisk, 1)}, true, true, nil},
		"disks are taken out": {
			kind.Devices{DropDisks: []host.DomainDisk{{Name: "a", Path: "/p/va"}, {Name: "b", Path: "/p/vb"}}}, true,
			true, []string{`"a"`, `"b"`},
		},
	} {
		state, plan := made(), made()
		var diags diag.Diagnostics
		(&planner{state: &state, plan: &plan, diags: &diags}).announceDevices(kind.Instance{}, c.devices)
		if known := !plan.MACAddresses.IsUnknown(); known != c.macs {
			t.Errorf("%s: the MAC addresses are known: %t", name, known)
		}
		if known := !plan.IPAddress.IsUnknown() && !plan.IPAddresses.IsUnknown(); known != c.ips {
			t.Errorf("%s: the addresses are known: %t", name, known)
		}
		var warned []string
		for _, d := range diags.Warnings() {
			warned = append(warned, strings.Fields(d.Summary())[1])
			if !strings.Contains(d.Detail(), "deletes its volume v") {
				t.Errorf("%s: warned that %s", name, d.Detail())
			}
		}
		if !slices.Equal(warned, c.warnings) || diags.HasError() {
			t.Errorf("%s: warned of %q, want %q", name, warned, c.warnings)
		}
	}
}

// A new interface can be added in place unless it may have addresses, which the guest could not be
// told.
func TestANewInterfaceWithAnAddressToComeReplaces(t *testing.T) {
	network := func(ip types.Object) types.Object {
		o := attribute.NetworkObject(&profile.Network{Interfaces: map[string]profile.Interface{"eth1": {}}})
		all := o.Attributes()
		eth1 := all["interfaces"].(types.Map).Elements()["eth1"].(types.Object)
		fields := eth1.Attributes()
		fields["ip_configuration"] = ip
		all["interfaces"] = types.MapValueMust(eth1.Type(t.Context()), map[string]attr.Value{
			"eth1": types.ObjectValueMust(eth1.AttributeTypes(t.Context()), fields),
		})
		return types.ObjectValueMust(o.AttributeTypes(t.Context()), all)
	}
	interfaces := attribute.NetworkObject(&profile.Network{Interfaces: map[string]profile.Interface{"eth1": {}}}).
		Attributes()["interfaces"].(types.Map)
	ip := interfaces.Elements()["eth1"].(types.Object).Attributes()["ip_configuration"].(types.Object)
	for name, c := range map[string]struct {
		ip       types.Object
		replaces []string
	}{
		"unset": {types.ObjectNull(ip.AttributeTypes(t.Context())), nil},
		"unknown": {
			types.ObjectUnknown(ip.AttributeTypes(t.Context())),
			[]string{`network_profile.interfaces["eth1"].ip_configuration`},
		},
	} {
		p := planner{
			state: &model.Instance{NetworkProfile: attribute.NetworkObject(nil)},
			plan:  &model.Instance{NetworkProfile: network(c.ip)},
		}
		p.compareDevices(t.Context(), kind.Instance{}, kind.Devices{AddNICs: []profile.NIC{{Name: "eth1"}}})
		var got []string
		for _, at := range p.replaces {
			got = append(got, at.String())
		}
		if !slices.Equal(got, c.replaces) {
			t.Errorf("%s: replaced for %q, want %q", name, got, c.replaces)
		}
	}
}

// A change does not delete a disk that an import by an older provider did not report. It deletes a
// disk that was removed from the configuration.
func TestADiskThatWasNotImportedIsKept(t *testing.T) {
	drop := kind.Devices{DropDisks: []host.DomainDisk{{Name: "data", Path: "/p/vdata"}}}
	told := attribute.StorageObject(&profile.Storage{Disks: map[string]profile.Disk{"data": {SizeGB: new(int64(1))}}})
	for name, c := range map[string]struct {
		adopting bool
		state    types.Object
		refused  bool
	}{
		"not told of":      {true, attribute.StorageObject(nil), true},
		"taken out":        {true, told, false},
		"changed since":    {false, attribute.StorageObject(nil), false},
		"of one's own all": {false, told, false},
	} {
		var diags diag.Diagnostics
		p := planner{
			state: &model.Instance{StorageProfile: c.state}, plan: &model.Instance{}, adopting: c.adopting,
			diags: &diags,
		}
		p.refuseUntold(drop)
		if diags.HasError() != c.refused {
			t.Errorf("%s: the plan says %v", name, diags)
		}
	}
}
