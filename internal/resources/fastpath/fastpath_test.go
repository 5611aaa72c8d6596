package fastpath

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// lamp is a resource with one default of each kind.
type lamp struct {
	current  bool
	bulb     string // the private state must contain it; "" for any
	warnings diag.Diagnostics
}

// aBulb is the private state of a lamp.
const aBulb = `{"bulb":"IkUyNyI="}`

func (lamp) Metadata(context.Context, resource.MetadataRequest, *resource.MetadataResponse) {}
func (lamp) Create(context.Context, resource.CreateRequest, *resource.CreateResponse)       {}
func (lamp) Read(context.Context, resource.ReadRequest, *resource.ReadResponse)             {}
func (lamp) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse)       {}
func (lamp) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse)       {}

func (l lamp) Current(_ context.Context, _ State, private Private) (bool, diag.Diagnostics) {
	return l.current && (l.bulb == "" || string(private["bulb"]) == l.bulb), l.warnings
}

func (lamp) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	none := types.SetValueMust(types.StringType, []attr.Value{})
	resp.Schema = schema.Schema{Version: 3, Attributes: map[string]schema.Attribute{
		"name":  schema.StringAttribute{Required: true},
		"color": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("white")},
		"on":    schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true)},
		"rooms": schema.SetAttribute{
			Optional: true, Computed: true, ElementType: types.StringType, Default: setdefault.StaticValue(none),
		},
	}}
}

var lampType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
	"name": tftypes.String, "color": tftypes.String, "on": tftypes.Bool,
	"rooms": tftypes.Set{ElementType: tftypes.String},
}}

// aLamp returns a lamp named "desk" in Terraform's encoding. A nil argument becomes null.
func aLamp(t *testing.T, color, on any, rooms ...string) *tfprotov6.DynamicValue {
	t.Helper()
	return encoded(t, "desk", color, on, rooms)
}

// namedLamp returns the configuration of a lamp with this name and color.
func namedLamp(t *testing.T, name, color any) *tfprotov6.DynamicValue {
	t.Helper()
	return encoded(t, name, color, nil, nil)
}

func encoded(t *testing.T, name, color, on any, rooms []string) *tfprotov6.DynamicValue {
	t.Helper()
	var set any
	if rooms != nil {
		elements := []tftypes.Value{}
		for _, r := range rooms {
			if r != "" {
				elements = append(elements, tftypes.NewValue(tftypes.String, r))
			}
		}
		set = elements
	}
	v, err := tfprotov6.NewDynamicValue(lampType, tftypes.NewValue(lampType, map[string]tftypes.Value{
		"name": tftypes.NewValue(tftypes.String, name), "color": tftypes.NewValue(tftypes.String, color),
		"on":    tftypes.NewValue(tftypes.Bool, on),
		"rooms": tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, set),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

// framework is a server that records whether it was asked.
type framework struct {
	Protocol
	asked bool
}

func (f *framework) PlanResourceChange(
	context.Context, *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	f.asked = true
	return &tfprotov6.PlanResourceChangeResponse{}, nil
}

func (f *framework) ReadResource(
	context.Context, *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	f.asked = true
	return &tfprotov6.ReadResourceResponse{}, nil
}

func (f *framework) UpgradeResourceState(
	context.Context, *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	f.asked = true
	return &tfprotov6.UpgradeResourceStateResponse{}, nil
}

func wrap(t *testing.T, current bool) (*Server, *framework) {
	t.Helper()
	f := &framework{}
	s, err := Wrap(f, map[string]func() Resource{"lamp": func() Resource { return lamp{current: current} }})
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

func TestPlanWithNothingToDo(t *testing.T) {
	defaults := aLamp(t, "white", true, "")
	for name, c := range map[string]struct {
		config, prior, proposed *tfprotov6.DynamicValue
		asks                    bool
	}{
		"all as configured": {aLamp(t, "red", false, "hall"), aLamp(t, "red", false, "hall"),
			aLamp(t, "red", false, "hall"), false},
		"all left to defaults": {aLamp(t, nil, nil), defaults, defaults, false},
		"a text taken out":     {aLamp(t, nil, nil), aLamp(t, "red", true, ""), aLamp(t, "red", true, ""), true},
		"a flag taken out": {aLamp(t, nil, nil), aLamp(t, "white", false, ""), aLamp(t, "white", false, ""),
			true},
		"a set taken out": {aLamp(t, nil, nil), aLamp(t, "white", true, "hall"),
			aLamp(t, "white", true, "hall"), true},
		"something changed":       {aLamp(t, "red", nil), defaults, aLamp(t, "red", true, ""), true},
		"a lamp to be made":       {defaults, null(t), defaults, true},
		"a lamp to go":            {null(t), defaults, null(t), true},
		"one that never was":      {null(t), null(t), null(t), true},
		"state that is not there": {defaults, nil, nil, true},
		"values in an older encoding": {defaults, &tfprotov6.DynamicValue{JSON: []byte("{}")},
			&tfprotov6.DynamicValue{JSON: []byte("{}")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := wrap(t, true)
			resp, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName:         "lamp",
				Config:           c.config,
				PriorState:       c.prior,
				ProposedNewState: c.proposed,
				PriorPrivate:     []byte(aBulb),
			})
			if err != nil || f.asked != c.asks {
				t.Fatalf("the framework was asked: %t, want %t (%v)", f.asked, c.asks, err)
			}
			if !c.asks && (resp.PlannedState != c.prior || string(resp.PlannedPrivate) != aBulb) {
				t.Error("the plan is not the state")
			}
		})
	}
}

func null(t *testing.T) *tfprotov6.DynamicValue {
	t.Helper()
	v, err := tfprotov6.NewDynamicValue(lampType, tftypes.NewValue(lampType, nil))
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestReadOfWhatIsAsItWas(t *testing.T) {
	state := aLamp(t, "red", true, "hall")
	for _, current := range []bool{true, false} {
		s, f := wrap(t, current)
		resp, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: "lamp", CurrentState: state, Private: []byte(aBulb),
		})
		if err != nil || f.asked == current {
			t.Fatalf("current is %t, and the framework was asked: %t (%v)", current, f.asked, err)
		}
		if current && (resp.NewState != state || string(resp.Private) != aBulb) {
			t.Error("the state did not come back as it was")
		}
	}
	s, f := wrap(t, true)
	if _, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: "chair", CurrentState: state,
	}); err != nil || !f.asked {
		t.Error("a resource that is not wrapped was answered for")
	}
}

func TestReadGoesByPrivateState(t *testing.T) {
	state := aLamp(t, "red", true, "hall")
	for private, asks := range map[string]bool{
		aBulb:                 false,
		`{"bulb":"IkUxNCI="}`: true,
		`{}`:                  true,
		``:                    true,
		`{"bulb":1}`:          true,
	} {
		f := &framework{}
		s, err := Wrap(f, map[string]func() Resource{
			"lamp": func() Resource { return lamp{current: true, bulb: `"E27"`} },
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: "lamp", CurrentState: state, Private: []byte(private),
		}); err != nil || f.asked != asks {
			t.Errorf("with private state %q the framework was asked: %t, want %t (%v)", private, f.asked, asks, err)
		}
	}
}

func TestUpgradeOfTodaysState(t *testing.T) {
	for version, asks := range map[int64]bool{2: true, 3: false} {
		s, f := wrap(t, true)
		resp, err := s.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
			TypeName: "lamp", Version: version, RawState: &tfprotov6.RawState{JSON: []byte(`{"name":"desk"}`)},
		})
		if err != nil || f.asked != asks {
			t.Fatalf("version %d: the framework was asked: %t, want %t (%v)", version, f.asked, asks, err)
		}
		if !asks && string(resp.UpgradedState.JSON) != `{"name":"desk"}` {
			t.Errorf("the state became %s", resp.UpgradedState.JSON)
		}
	}
}

func TestState(t *testing.T) {
	state, err := Decode(aLamp(t, nil, true, "hall", "attic"))
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := state.Text("name"); name != "desk" || !ok {
		t.Errorf("the name is %q (%t)", name, ok)
	}
	if _, ok := state.Text("color"); ok || !state.Null("color") || state.Null("on") {
		t.Error("null is not told from a value")
	}
	if _, ok := state.Text("on"); ok {
		t.Error("a flag was read as a text")
	}
	rooms := types.SetValueMust(types.StringType, []attr.Value{types.StringValue("attic"), types.StringValue("hall")})
	for name, c := range map[string]struct {
		value attr.Value
		want  bool
	}{
		"name": {types.StringValue("desk"), true}, "color": {types.StringNull(), true},
		"on": {types.BoolValue(false), false}, "rooms": {rooms, true},
	} {
		if state.Has(t.Context(), name, c.value) != c.want {
			t.Errorf("%s has the value %s: want %t", name, c.value, c.want)
		}
	}
	if state.Has(t.Context(), "color", types.StringValue("red")) || state.Has(t.Context(), "name", types.StringNull()) {
		t.Error("null equals a value")
	}
}

// strange is a resource with a default that this package cannot determine.
type strange struct {
	lamp
	attribute schema.Attribute
}

func (s strange) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{"x": s.attribute}}
}

func TestStrangeSchemasAreRefused(t *testing.T) {
	number := schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(1)}
	for name, a := range map[string]schema.Attribute{
		"a number": number,
		"a number in a map": schema.MapNestedAttribute{
			Optional: true, NestedObject: schema.NestedAttributeObject{
				Attributes: map[string]schema.Attribute{"n": number},
			},
		},
		"a number in one": schema.SingleNestedAttribute{
			Optional: true, Attributes: map[string]schema.Attribute{"n": number},
		},
		"optional, computed": schema.SingleNestedAttribute{
			Optional: true, Computed: true, Attributes: map[string]schema.Attribute{},
		},
	} {
		if _, err := Wrap(&framework{}, map[string]func() Resource{
			"s": func() Resource { return strange{attribute: a} },
		}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	computed := schema.SingleNestedAttribute{Computed: true, Attributes: map[string]schema.Attribute{"n": number}}
	if _, err := Wrap(&framework{}, map[string]func() Resource{
		"s": func() Resource { return strange{attribute: computed} },
	}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsCurrentMayStillBeWarnedOf(t *testing.T) {
	warnings := diag.Diagnostics{
		diag.NewAttributeWarningDiagnostic(path.Root("color").AtMapKey("dark"), "Fading", "It will fade."),
		diag.NewWarningDiagnostic("Old", "It is old."),
	}
	s, err := Wrap(&framework{}, map[string]func() Resource{
		"lamp": func() Resource { return lamp{current: true, warnings: warnings} },
	})
	if err != nil {
		t.Fatal(err)
	}
	state := aLamp(t, "white", true)
	resp, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{TypeName: "lamp", CurrentState: state})
	if err != nil || resp.NewState != state || len(resp.Diagnostics) != 2 {
		t.Fatalf("%+v, %v", resp, err)
	}
	fading, old := resp.Diagnostics[0], resp.Diagnostics[1]
	if fading.Severity != tfprotov6.DiagnosticSeverityWarning || fading.Summary != "Fading" ||
		fading.Detail != "It will fade." ||
		fading.Attribute.String() != `AttributeName("color").ElementKeyString("dark")` {
		t.Errorf("%+v", fading)
	}
	if old.Severity != tfprotov6.DiagnosticSeverityWarning || old.Summary != "Old" || old.Attribute != nil {
		t.Errorf("%+v", old)
	}
}
