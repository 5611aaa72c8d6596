package fastpath_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath/fastpathtest"
)

// clock is a resource of the real framework. Reading it changes nothing, but warns.
type clock struct{ named bool }

func (clock) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = "clock"
}

func (clock) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"name":  schema.StringAttribute{Required: true},
		"face":  schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString("white")},
		"hands": schema.MapAttribute{Optional: true, ElementType: types.NumberType},
		"notes": schema.DynamicAttribute{Optional: true},
	}}
}

func (clock) Create(context.Context, resource.CreateRequest, *resource.CreateResponse) {}
func (clock) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}
func (clock) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func (c clock) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	resp.Diagnostics.Append(slow()...)
	if c.named {
		var name types.String
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("name"), &name)...)
		resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), name)...)
	}
}

// slow returns the warning of reading a clock.
func slow() diag.Diagnostics {
	return diag.Diagnostics{
		diag.NewAttributeWarningDiagnostic(path.Root("hands").AtMapKey("hour"), "Slow", "It will be late."),
		diag.NewWarningDiagnostic("Old", "It is old."),
	}
}

func (clock) Current(context.Context, fastpath.State, fastpath.Private) (bool, diag.Diagnostics) {
	return true, slow()
}

func (clock) NothingToPlan(fastpath.State) bool { return true }

func (clock) Alone() map[string]func(context.Context, fastpath.State) bool {
	hasName := func(_ context.Context, config fastpath.State) bool {
		_, ok := config.Text("name")
		return ok
	}
	return map[string]func(context.Context, fastpath.State) bool{"name": hasName}
}

// namedClock is a clock with an identity.
type namedClock struct{ clock }

func (namedClock) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true},
	}}
}

// shop is a provider with the resource clock.
type shop struct {
	provider.Provider
	of func() resource.Resource
}

func (shop) Metadata(context.Context, provider.MetadataRequest, *provider.MetadataResponse) {}
func (shop) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse)       {}

func (s shop) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{s.of}
}
func (shop) DataSources(context.Context) []func() datasource.DataSource { return nil }

var (
	clockType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"name":  tftypes.String,
		"face":  tftypes.String,
		"hands": tftypes.Map{ElementType: tftypes.Number},
		"notes": tftypes.DynamicPseudoType,
	}}
	nameType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String}}
)

// aClock returns a clock in Terraform's encoding. A nil argument becomes null.
func aClock(t *testing.T, name, face any) *tfprotov6.DynamicValue {
	t.Helper()
	return encode(t, clockType, map[string]tftypes.Value{
		"name": tftypes.NewValue(tftypes.String, name),
		"face": tftypes.NewValue(tftypes.String, face),
		"hands": tftypes.NewValue(clockType.AttributeTypes["hands"], map[string]tftypes.Value{
			"hour": tftypes.NewValue(tftypes.Number, 0.1), // a single entry, since maps are encoded in any order
		}),
		"notes": tftypes.NewValue(nameType, map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, "x")}),
	})
}

func encode(t *testing.T, of tftypes.Type, v any) *tfprotov6.DynamicValue {
	t.Helper()
	encoded, err := tfprotov6.NewDynamicValue(of, tftypes.NewValue(of, v))
	if err != nil {
		t.Fatal(err)
	}
	return &encoded
}

func identity(t *testing.T, name any) *tfprotov6.ResourceIdentityData {
	t.Helper()
	var v any
	if name != nil {
		v = map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, name)}
	}
	return &tfprotov6.ResourceIdentityData{IdentityData: encode(t, nameType, v)}
}

// compared returns a server of clocks that compares its answers, and a counter of the comparisons.
func compared(t *testing.T, named bool) (*fastpath.Server, *int) {
	t.Helper()
	newClock := func() fastpath.Resource { return clock{} }
	if named {
		newClock = func() fastpath.Resource { return namedClock{clock{named: true}} }
	}
	answers := new(int)
	s, err := fastpath.Wrap(
		providerserver.NewProtocol6(shop{of: func() resource.Resource { return newClock() }})(),
		map[string]func() fastpath.Resource{"clock": newClock},
		fastpath.Compare(func(c fastpath.Compared) {
			*answers++
			for _, difference := range fastpathtest.Differences(c, fastpathtest.Types{
				State: clockType, Identity: nameType,
			}) {
				t.Error(difference)
			}
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return s, answers
}

// notes returns private state as the framework writes it.
func notes(pairs ...string) []byte {
	var all []string
	for n := 0; n < len(pairs); n += 2 {
		all = append(all, fmt.Sprintf("%q:%q", pairs[n], base64.StdEncoding.EncodeToString([]byte(pairs[n+1]))))
	}
	return []byte("{" + strings.Join(all, ",") + "}")
}

// Whatever Terraform or any other caller sends, an answer of the fast path is the same as the
// framework's.
func TestTheFastPathAnswersAsTheFramework(t *testing.T) {
	privates := map[string]struct {
		data []byte
		fast bool
	}{
		"none":                {nil, true},
		"a note":              {notes("bulb", `"E27"`), true},
		"two notes":           {notes("a", "1", "b", "{}"), true},
		"in another order":    {notes("b", "1", "a", "{}"), false},
		"nothing":             {[]byte("{}"), false},
		"an empty note":       {notes("a", ""), false},
		"no note":             {[]byte(`{"a":1}`), false},
		"not JSON":            {[]byte("p"), false},
		"a note not JSON":     {notes("a", "E27"), false},
		"not a text":          {notes("a", "\"\xff\""), false},
		"after an import":     {notes(".import_before_read", "true"), false},
		"an import and notes": {notes(".import_before_read", "true", "a", "1"), false},
	}
	identities := map[string]struct {
		data               *tfprotov6.ResourceIdentityData
		named, reads, fast bool // reads: the fast path answers a read; fast: it answers a plan
	}{
		"of none":               {nil, false, true, true},
		"that is unexpected":    {identity(t, "wall"), false, false, false},
		"that is not there yet": {nil, true, true, true},
		"that is null":          {identity(t, nil), true, true, true},
		"that fits":             {identity(t, "wall"), true, true, true},
		"of another":            {identity(t, "desk"), true, false, true},
	}
	for with, private := range privates {
		for of, id := range identities {
			t.Run(with+" and an identity "+of, func(t *testing.T) {
				s, answers := compared(t, id.named)
				state := aClock(t, "wall", "white")
				if _, err := s.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
					TypeName: "clock", CurrentState: state, Private: private.data, CurrentIdentity: id.data,
				}); err != nil {
					t.Fatal(err)
				}
				if fast := *answers == 1; fast != (private.fast && id.reads) {
					t.Errorf("reading was answered by the fast path: %t", fast)
				}
				*answers = 0
				if _, err := s.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
					TypeName: "clock", PriorState: state, ProposedNewState: state, Config: aClock(t, "wall", nil),
					PriorPrivate: private.data, PriorIdentity: id.data,
				}); err != nil {
					t.Fatal(err)
				}
				if fast := *answers == 1; fast != (private.fast && id.fast) {
					t.Errorf("planning was answered by the fast path: %t", fast)
				}
			})
		}
	}
}

func TestStatesAreUpgradedAsByTheFramework(t *testing.T) {
	for state, fast := range map[string]bool{
		`{"name":"wall","face":"white","hands":{"hour":0.1},"notes":{"value":["a"],"type":["list","string"]}}`: true,
		`{"name":"wall"}`:                true, // the other attributes are null
		`{"name":"wall","pendulum":"1"}`: false,
		`null`:                           false,
		`[]`:                             false,
		`{"name":`:                       false,
		``:                               false,
	} {
		s, answers := compared(t, false)
		if _, err := s.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
			TypeName: "clock", RawState: &tfprotov6.RawState{JSON: []byte(state)},
		}); err != nil {
			t.Fatal(err)
		}
		if (*answers == 1) != fast {
			t.Errorf("the state %q was upgraded by the fast path: %t", state, *answers == 1)
		}
	}
}

func TestConfigurationsAreValidatedAsByTheFramework(t *testing.T) {
	s, answers := compared(t, false)
	for _, name := range []any{"wall", "desk", tftypes.UnknownValue, nil, "wall"} {
		if _, err := s.ValidateResourceConfig(t.Context(), &tfprotov6.ValidateResourceConfigRequest{
			TypeName: "clock", Config: aClock(t, name, nil),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if *answers != 2 {
		t.Errorf("%d configurations were validated by the fast path, want 2", *answers)
	}
}

// With a comparison, both answers read the host once together. Without one, each answer reads for
// itself.
func TestAComparisonReadsOnce(t *testing.T) {
	for comparing, want := range map[bool]int{true: 1, false: 2} {
		reads := 0
		var options []fastpath.Option
		if comparing {
			options = append(options, fastpath.Compare(func(fastpath.Compared) {}))
		}
		read := func(ctx context.Context) {
			_, _ = fastpath.Once(ctx, "clock", func() (int, error) { reads++; return reads, nil })
		}
		s, err := fastpath.Wrap(reader{read: read}, map[string]func() fastpath.Resource{
			"clock": func() fastpath.Resource { return readClock{read: read} },
		}, options...)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			reads = 0
			req := &tfprotov6.ReadResourceRequest{TypeName: "clock", CurrentState: aClock(t, "wall", "white")}
			if _, err := s.ReadResource(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if !comparing {
				read(t.Context())
			}
			if reads != want {
				t.Errorf("comparing is %t: the clock was read %d times, want %d", comparing, reads, want)
			}
		}
	}
}

// readClock is a clock whose Read reads through Once.
type readClock struct {
	clock
	read func(context.Context)
}

func (c readClock) Current(ctx context.Context, _ fastpath.State, _ fastpath.Private) (bool, diag.Diagnostics) {
	c.read(ctx)
	return true, nil
}

// reader is a framework whose ReadResource reads a clock through Once.
type reader struct {
	fastpath.Protocol
	read func(context.Context)
}

func (r reader) ReadResource(ctx context.Context, _ *tfprotov6.ReadResourceRequest) (
	*tfprotov6.ReadResourceResponse, error,
) {
	r.read(ctx)
	return &tfprotov6.ReadResourceResponse{}, nil
}
