package planner

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

func TestAVersionStaysUntilSomethingElseIsAskedFor(t *testing.T) {
	null, unknown, text := types.StringNull(), types.StringUnknown(), types.StringValue
	for name, c := range map[string]struct {
		before, now types.String
		kept        bool
	}{
		"nothing was asked for":     {null, null, true},
		"the same is asked for":     {text("~> 1.0"), text("~> 1.0"), true},
		"just what it is":           {text("~> 1.0"), text("1.0.0"), true},
		"something else":            {text("~> 1.0"), text("~> 1.1"), false},
		"anything, after something": {text("1.0.0"), null, false},
		"imported, and it is that":  {null, text("1.0.0"), true},
		"imported, and it may be":   {null, text("~> 1.0"), true},
		"imported, and it is not":   {null, text("2.0.0"), false},
		"not known":                 {null, unknown, false},
		"a reimage has failed":      {text("0.9.0"), text("0.9.0"), false},
		"and what it was to become": {text("0.9.0"), text("1.0.0"), true},
		"not known any more":        {text("1.0.0"), unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := planner{
				state: &model.Instance{Version: c.before, ResolvedVersion: text("1.0.0")},
				plan:  &model.Instance{Version: c.now, ResolvedVersion: unknown},
			}
			p.pin()
			if kept := !p.plan.ResolvedVersion.IsUnknown(); kept != c.kept {
				t.Errorf("the version is kept: %t", kept)
			}
		})
	}
}

// made is the model of an instance that runs.
func made() model.Instance {
	var m model.Instance
	m.PowerState = types.StringValue(model.Running)
	m.Computed(kind.Instance{
		UUID: "u", DomainName: "web", Host: "kvm1", State: host.StateRunning,
		Facts:     metadata.Facts{Tenant: "default", Name: "web", Version: "1.0.0", Strategy: "clone"},
		NICs:      []profile.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}},
		Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")},
	}, "rack-1")
	return m
}

func TestAChangeInPlaceKeepsTheFactsThatItDoesNotTouch(t *testing.T) {
	state := made()
	fresh := func(power string) *model.Instance {
		return &model.Instance{
			PowerState:  types.StringValue(power),
			ID:          types.StringUnknown(),
			Strategy:    types.StringUnknown(),
			Status:      types.StringUnknown(),
			IPAddress:   types.StringUnknown(),
			IPAddresses: types.ListUnknown(types.StringType),
		}
	}
	p := planner{state: &state, plan: fresh(model.Running)}
	p.keepFacts()
	if p.plan.ID.ValueString() != "u" || p.plan.Strategy.ValueString() != "clone" ||
		p.plan.IPAddress.ValueString() != "10.0.0.1" ||
		p.plan.Status.ValueString() != "running" || len(p.plan.IPAddresses.Elements()) != 2 {
		t.Errorf("planned is %+v", p.plan)
	}
	p.plan = fresh(model.Stopped)
	p.keepFacts()
	if p.plan.ID.ValueString() != "u" || !p.plan.IPAddress.IsUnknown() || !p.plan.IPAddresses.IsUnknown() ||
		!p.plan.Status.IsUnknown() {
		t.Errorf("planned for a stop is %+v", p.plan)
	}
}

func TestWithoutItsVersionAChangeOfWhatItDecidesReplaces(t *testing.T) {
	base := func() *model.Instance {
		m := made()
		m.Parameters = object(map[string]attr.Value{"hostname": types.StringValue("web")})
		return &m
	}
	for name, c := range map[string]struct {
		change   func(*model.Instance)
		replaces []string
	}{
		"description": {func(m *model.Instance) { m.Description = types.StringValue("x") }, nil},
		"parameters":  {func(m *model.Instance) { m.Parameters = types.DynamicNull() }, []string{"parameters"}},
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
		(&planner{state: &state, plan: &plan, diags: &diags}).announceRestart([]kind.Restart{
			{At: finding.At("hardware_profile")},
		})
		if len(diags) != 1 || diags[0].Severity() != want {
			t.Errorf("allow_restart = %t gives %v", allowed, diags)
		}
		if !plan.IPAddress.IsUnknown() || !plan.Status.IsUnknown() {
			t.Errorf("the address is planned as %s, the status as %s", plan.IPAddress, plan.Status)
		}
	}
}

// Parameters work at first boot, so a change of them requires another instance. Secrets that are
// not known change nothing.
func TestParametersThatMeanAnotherInstance(t *testing.T) {
	declared := map[string]parameter.Parameter{"host": {Type: "string"}, "token": {Type: "string", Sensitive: true}}
	shown := parameter.Values{"host": {Type: "string", Text: "a"}}
	made := types.ObjectValueMust(map[string]attr.Type{}, nil)
	host := map[string]attr.Value{"host": types.StringValue("a")}
	with := func(token string) types.Dynamic {
		return object(map[string]attr.Value{"host": types.StringValue("a"), "token": types.StringValue(token)})
	}
	type state struct {
		parameters, effective types.Dynamic
		provisioning          types.Object
		number                types.Int64
		adopting              bool
	}
	before := state{object(host), model.Effective(shown, declared), made, types.Int64Value(1), false}
	secret, sensitive, imported := before, before, before
	secret.parameters, sensitive.parameters = types.DynamicNull(), with("one")
	imported.parameters, imported.provisioning, imported.number = types.DynamicNull(), types.ObjectNull(nil),
		types.Int64Null()
	found, adopted := imported, imported
	found.parameters, found.adopting, adopted.parameters = object(host), true, object(host)
	for name, c := range map[string]struct {
		state   state
		plan    types.Dynamic
		secrets types.Dynamic
		number  int64
		want    []string
	}{
		"the same":                        {before, object(host), types.DynamicNull(), 1, nil},
		"unknown secrets":                 {before, object(host), types.DynamicUnknown(), 1, nil},
		"unknown secrets, changed beside": {before, with("x"), types.DynamicUnknown(), 1, []string{"parameters"}},
		"unknown parameters": {
			before, types.DynamicUnknown(), types.DynamicNull(), 1, []string{"parameters"},
		},
		"another number": {
			before, object(host), types.DynamicNull(), 2, []string{"parameters_wo_version"},
		},
		"a sensitive value that is new":    {before, with("one"), types.DynamicNull(), 1, []string{"parameters"}},
		"the first parameter is sensitive": {secret, with("one"), types.DynamicNull(), 1, []string{"parameters"}},
		"a sensitive value as it was":      {sensitive, with("one"), types.DynamicNull(), 1, nil},
		"another sensitive value":          {sensitive, with("two"), types.DynamicNull(), 1, []string{"parameters"}},
		"imported long ago":                {imported, with("one"), types.DynamicNull(), 1, nil},
		"imported":                         {found, with("one"), types.DynamicNull(), 1, nil},
		"imported and updated":             {adopted, with("one"), types.DynamicNull(), 1, []string{"parameters"}},
	} {
		p := planner{
			state: &model.Instance{
				Parameters: c.state.parameters, EffectiveParameters: c.state.effective,
				Provisioning: c.state.provisioning, ParametersWOVersion: c.state.number,
			},
			plan:    &model.Instance{Parameters: c.plan, ParametersWOVersion: types.Int64Value(c.number)},
			secrets: c.secrets, adopting: c.state.adopting,
		}
		p.asked = p.plan.ToRequest(t.Context(), model.Unplanned{Secrets: c.secrets})
		p.compareParameters(kind.Blueprint{
			Shown: shown, Version: catalog.Version{Spec: catalog.Spec{Parameters: declared}},
		})
		var got []string
		for _, at := range p.replaces {
			got = append(got, at.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q replace it, want %q", name, got, c.want)
		}
	}
}

// object is the value of parameters with these attributes.
func object(attributes map[string]attr.Value) types.Dynamic {
	kinds := map[string]attr.Type{}
	for name, v := range attributes {
		kinds[name] = v.Type(context.Background())
	}
	return types.DynamicValue(types.ObjectValueMust(kinds, attributes))
}
