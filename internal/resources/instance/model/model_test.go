package model

import (
	"net/netip"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// A guest that got its address between plan and apply once led Terraform to report an inconsistent
// result.
func TestAnAddressThatComesMeanwhileIsLeftToTheNextRefresh(t *testing.T) {
	plan := Instance{
		Status: types.StringValue("running"), IPAddress: types.StringNull(),
		IPAddresses: types.ListValueMust(types.StringType, nil),
	}
	here := kind.Instance{
		State: host.StateRunning, Addresses: []netip.Addr{
			netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"),
		},
	}
	var got Instance
	got.Computed(here, "kvm1")
	got.keepPlanned(plan)
	if !got.IPAddress.IsNull() || len(got.IPAddresses.Elements()) != 0 {
		t.Errorf("the planned absence of an address became %s, %s", got.IPAddress, got.IPAddresses)
	}
	plan.Status, plan.IPAddress, plan.IPAddresses = types.StringUnknown(), types.StringUnknown(),
		types.ListUnknown(types.StringType)
	got.Computed(here, "kvm1")
	got.keepPlanned(plan)
	if got.IPAddress.ValueString() != "10.0.0.1" || got.Status.ValueString() != "running" {
		t.Errorf("what was not known is %s, %s", got.IPAddress, got.Status)
	}
}
