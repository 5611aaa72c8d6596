package instance

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

func TestAVersionStaysUntilSomethingElseIsAskedFor(t *testing.T) {
	null, unknown, text := types.StringNull(), types.StringUnknown(), types.StringValue
	for name, c := range map[string]struct {
		before, now types.String
		kept        bool
	}{
		"nothing was asked for":     {null, null, true},
		"the same is asked for":     {text("~> 1.0"), text("~> 1.0"), true},
		"something else":            {text("~> 1.0"), text("~> 1.1"), false},
		"anything, after something": {text("1.0.0"), null, false},
		"imported, and it is that":  {null, text("1.0.0"), true},
		"imported, and it may be":   {null, text("~> 1.0"), true},
		"imported, and it is not":   {null, text("2.0.0"), false},
		"not known":                 {null, unknown, false},
		"not known any more":        {text("1.0.0"), unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := planner{
				state: &Model{Version: c.before, ResolvedVersion: text("1.0.0")},
				plan:  &Model{Version: c.now, ResolvedVersion: unknown},
			}
			p.pin()
			if kept := !p.plan.ResolvedVersion.IsUnknown(); kept != c.kept {
				t.Errorf("the version is kept: %t", kept)
			}
		})
	}
}

// made is the model of an instance that runs.
func made() Model {
	var m Model
	m.PowerState = types.StringValue(running)
	m.computed(provision.Instance{
		UUID: "u", DomainName: "web", Host: "kvm1", State: hypervisor.StateRunning,
		Facts:     catalog.InstanceFacts{Tenant: "default", Name: "web", Version: "1.0.0", Strategy: catalog.Clone},
		NICs:      []catalog.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}},
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")},
	})
	return m
}

func TestAChangeInPlaceKeepsTheFactsThatItDoesNotTouch(t *testing.T) {
	state := made()
	fresh := func(power string) *Model {
		return &Model{
			PowerState: types.StringValue(power), ID: types.StringUnknown(), Strategy: types.StringUnknown(), Status: types.StringUnknown(),
			IPAddress: types.StringUnknown(), IPAddresses: types.ListUnknown(types.StringType),
		}
	}
	p := planner{state: &state, plan: fresh(running)}
	p.keepFacts()
	if p.plan.ID.ValueString() != "u" || p.plan.Strategy.ValueString() != "clone" || p.plan.IPAddress.ValueString() != "10.0.0.1" ||
		p.plan.Status.ValueString() != "running" || len(p.plan.IPAddresses.Elements()) != 2 {
		t.Errorf("planned is %+v", p.plan)
	}
	p.plan = fresh(stopped)
	p.keepFacts()
	if p.plan.ID.ValueString() != "u" || !p.plan.IPAddress.IsUnknown() || !p.plan.IPAddresses.IsUnknown() || !p.plan.Status.IsUnknown() {
		t.Errorf("planned for a stop is %+v", p.plan)
	}
}

// A guest that gets its address between plan and apply made Terraform complain of an inconsistent result.
func TestAnAddressThatComesMeanwhileIsLeftToTheNextRefresh(t *testing.T) {
	plan := Model{Status: types.StringValue("running"), IPAddress: types.StringNull(), IPAddresses: types.ListValueMust(types.StringType, nil)}
	got := made()
	got.keepPlanned(plan)
	if !got.IPAddress.IsNull() || len(got.IPAddresses.Elements()) != 0 {
		t.Errorf("the planned absence of an address became %s, %s", got.IPAddress, got.IPAddresses)
	}
	plan.Status, plan.IPAddress, plan.IPAddresses = types.StringUnknown(), types.StringUnknown(), types.ListUnknown(types.StringType)
	got = made()
	got.keepPlanned(plan)
	if got.IPAddress.ValueString() != "10.0.0.1" || got.Status.ValueString() != "running" {
		t.Errorf("what was not known is %s, %s", got.IPAddress, got.Status)
	}
}

func TestWithoutItsVersionAChangeOfWhatItDecidesReplaces(t *testing.T) {
	base := func() *Model {
		m := made()
		m.Parameters = object(map[string]attr.Value{"hostname": types.StringValue("web")})
		return &m
	}
	for name, c := range map[string]struct {
		change   func(*Model)
		replaces []string
	}{
		"description": {func(m *Model) { m.Description = types.StringValue("x") }, nil},
		"parameters":  {func(m *Model) { m.Parameters = types.DynamicNull() }, []string{"parameters"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := planner{state: base(), plan: base()}
			c.change(p.plan)
			p.compareAsWritten()
			var replaces []string
			for _, at := range p.replaces {
				replaces = append(replaces, at.String())
			}
			if !slices.Equal(replaces, c.replaces) {
				t.Errorf("%q replace it, want %q", replaces, c.replaces)
			}
		})
	}
}

func TestARestartIsAnErrorWhereItIsForbidden(t *testing.T) {
	for allowed, want := range map[bool]diag.Severity{true: diag.SeverityWarning, false: diag.SeverityError} {
		state := made()
		plan := made()
		plan.AllowRestart = types.BoolValue(allowed)
		var diags diag.Diagnostics
		(&planner{state: &state, plan: &plan, diags: &diags}).announceRestart()
		if len(diags) != 1 || diags[0].Severity() != want {
			t.Errorf("allow_restart = %t gives %v", allowed, diags)
		}
		if !plan.IPAddress.IsUnknown() || !plan.Status.IsUnknown() {
			t.Errorf("the address is planned as %s, the status as %s", plan.IPAddress, plan.Status)
		}
	}
}
