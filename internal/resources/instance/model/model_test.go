package model

import (
	"net/netip"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
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

// A machine has no application: what is said of one is null, whatever its host has seen.
func TestWhatIsKnownOfAnApplication(t *testing.T) {
	i := kind.Instance{Type: catalog.TypeContainer, Health: kind.HealthStarting, ExitCode: new(137), Restarts: 2}
	var m Instance
	said := func() [3]attr.Value { return [3]attr.Value{m.Health, m.ExitCode, m.Restarts} }
	for name, c := range map[string]struct {
		change func(*kind.Instance)
		want   [3]attr.Value
	}{
		"all": {func(*kind.Instance) {}, [3]attr.Value{
			types.StringValue("starting"), types.Int64Value(137), types.Int64Value(2),
		}},
		"nothing yet": {func(i *kind.Instance) { i.Health, i.ExitCode, i.Restarts = "", nil, 0 }, [3]attr.Value{
			types.StringNull(), types.Int64Null(), types.Int64Value(0),
		}},
		"a machine": {func(i *kind.Instance) { i.Type = catalog.TypeVM }, [3]attr.Value{
			types.StringNull(), types.Int64Null(), types.Int64Null(),
		}},
	} {
		is := i
		c.change(&is)
		if m.FromInstance(is, ""); said() != c.want {
			t.Errorf("%s: got %s, want %s", name, said(), c.want)
		}
		container := !m.Restarts.IsNull()
		if m.ForgetGuest(); m.Health.IsUnknown() != container || m.ExitCode.IsUnknown() != container ||
			m.Restarts.IsUnknown() != container {
			t.Errorf("%s: about to start again, got %s", name, said())
		}
	}
}

// What becomes of an application between plan and apply is left to the next refresh, too.
func TestAnApplicationIsAsItWasPlanned(t *testing.T) {
	is := kind.Instance{Type: catalog.TypeContainer, Health: kind.HealthHealthy, Restarts: 1}
	plan := Instance{Health: types.StringValue("starting"), ExitCode: types.Int64Null(), Restarts: types.Int64Value(0)}
	got := plan
	got.AsPlanned(is, "")
	if got.Health != plan.Health || got.Restarts != plan.Restarts {
		t.Errorf("what was planned became %s, %s", got.Health, got.Restarts)
	}
	plan.ForgetApplication()
	got = plan
	got.AsPlanned(is, "")
	if got.Health.ValueString() != "healthy" || got.Restarts.ValueInt64() != 1 || !got.ExitCode.IsNull() {
		t.Errorf("what was not known is %s, %s, %s", got.Health, got.Restarts, got.ExitCode)
	}
}

// A job that has done its work is as it is to be, although it does not run.
func TestAJobThatIsDoneIsNotStopped(t *testing.T) {
	for want, done := range map[string]bool{Running: true, Stopped: false} {
		var m Instance
		m.FromInstance(kind.Instance{Type: catalog.TypeContainer, State: host.StateShutoff, Done: done}, "")
		if m.PowerState.ValueString() != want {
			t.Errorf("done is %t, and the power state %s", done, m.PowerState)
		}
	}
}
