package fastpathtest_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath/fastpathtest"
)

var (
	lampType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"name":  tftypes.String,
		"rooms": tftypes.Set{ElementType: tftypes.String},
	}}
	nameType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"name": tftypes.String}}
)

func encode(t *testing.T, of tftypes.Type, v any) *tfprotov6.DynamicValue {
	t.Helper()
	encoded, err := tfprotov6.NewDynamicValue(of, tftypes.NewValue(of, v))
	if err != nil {
		t.Fatal(err)
	}
	return &encoded
}

func lamp(t *testing.T, name string, rooms ...string) *tfprotov6.DynamicValue {
	t.Helper()
	elements := make([]tftypes.Value, len(rooms))
	for n, room := range rooms {
		elements[n] = tftypes.NewValue(tftypes.String, room)
	}
	return encode(t, lampType, map[string]tftypes.Value{
		"name":  tftypes.NewValue(tftypes.String, name),
		"rooms": tftypes.NewValue(lampType.AttributeTypes["rooms"], elements),
	})
}

func named(t *testing.T, name string) *tfprotov6.ResourceIdentityData {
	t.Helper()
	return &tfprotov6.ResourceIdentityData{IdentityData: encode(t, nameType, map[string]tftypes.Value{
		"name": tftypes.NewValue(tftypes.String, name),
	})}
}

// others returns, for each type of a field of the answers, a value that differs from the zero
// value.
func others(t *testing.T) map[reflect.Type]any {
	t.Helper()
	at := tftypes.NewAttributePath().WithAttributeName("name")
	all := map[reflect.Type]any{}
	for _, v := range []any{
		lamp(t, "desk"),
		named(t, "desk"),
		[]byte("{}"),
		[]*tfprotov6.Diagnostic{{Severity: tfprotov6.DiagnosticSeverityWarning, Summary: "Fading", Attribute: at}},
		[]*tftypes.AttributePath{at},
		&tfprotov6.Deferred{Reason: tfprotov6.DeferredReasonAbsentPrereq},
		true,
	} {
		all[reflect.TypeOf(v)] = v
	}
	return all
}

// Each field of each answer is compared, including fields that future releases of the protocol add.
func TestADifferenceInAnyFieldIsFound(t *testing.T) {
	all := others(t)
	for _, resp := range []any{
		tfprotov6.ValidateResourceConfigResponse{},
		tfprotov6.UpgradeResourceStateResponse{},
		tfprotov6.ReadResourceResponse{},
		tfprotov6.PlanResourceChangeResponse{},
	} {
		kind := reflect.TypeOf(resp)
		for n := range kind.NumField() {
			field := kind.Field(n)
			other, ok := all[field.Type]
			if !ok {
				t.Errorf("%s.%s: say how values of type %s can differ", kind.Name(), field.Name, field.Type)
				continue
			}
			fast, framework := reflect.New(kind), reflect.New(kind)
			fast.Elem().Field(n).Set(reflect.ValueOf(other))
			c := fastpath.Compared{Resource: "lamp", Fast: fast.Interface(), Framework: framework.Interface()}
			found := fastpathtest.Differences(c, fastpathtest.Types{State: lampType, Identity: nameType})
			if len(found) != 1 || !strings.Contains(found[0], " of lamp, "+field.Name+": ") {
				t.Errorf("%s.%s: found %q", kind.Name(), field.Name, found)
			}
			c.Framework = c.Fast
			if found := fastpathtest.Differences(
				c, fastpathtest.Types{State: lampType, Identity: nameType},
			); len(found) > 0 {
				t.Errorf("%s.%s: found %q between one answer and itself", kind.Name(), field.Name, found)
			}
		}
	}
}

func TestDifferencesOfStates(t *testing.T) {
	read := func(state *tfprotov6.DynamicValue) *tfprotov6.ReadResourceResponse {
		return &tfprotov6.ReadResourceResponse{NewState: state}
	}
	asJSON := &tfprotov6.DynamicValue{JSON: []byte(`{ "rooms": ["hall"], "name": "desk" }`)}
	for name, c := range map[string]struct {
		fast *tfprotov6.DynamicValue
		err  error
		says string // "" if they do not differ
	}{
		"the same":         {lamp(t, "desk", "hall"), nil, ""},
		"the same as JSON": {asJSON, nil, ""},
		"another name":     {lamp(t, "floor", "hall"), nil, `at AttributeName("name"), the fast path says`},
		"another element":  {lamp(t, "desk", "hall", "attic"), nil, `at AttributeName("rooms")`},
		"null":             {encode(t, lampType, nil), nil, "the fast path says"},
		"nothing":          {nil, nil, "the fast path says <nil>"},
		"in another order": {lamp(t, "desk", "hall", "attic"), nil, "the fast path says"},
		"not a value":      {&tfprotov6.DynamicValue{MsgPack: []byte{0xc1}}, nil, "cannot be read: the fast path's"},
		"no answer":        {lamp(t, "desk", "hall"), errors.New("crashed"), "the framework fails: crashed"},
	} {
		framework := lamp(t, "desk", "hall")
		if name == "in another order" {
			framework = lamp(t, "desk", "attic", "hall")
		}
		found := fastpathtest.Differences(
			fastpath.Compared{Resource: "lamp", Fast: read(c.fast), Framework: read(framework), Err: c.err},
			fastpathtest.Types{State: lampType, Identity: nameType},
		)
		if all := strings.Join(found, "\n"); (all == "") != (c.says == "") || !strings.Contains(all, c.says) {
			t.Errorf("%s: found %q, want %q", name, all, c.says)
		}
	}
}
