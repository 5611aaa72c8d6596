package functions_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// server returns the provider as Terraform talks to it.
func server() tfprotov6.ProviderServer {
	return providerserver.NewProtocol6(provider.New("test")())()
}

func text(s string) tftypes.Value { return tftypes.NewValue(tftypes.String, s) }

func texts(all ...any) tftypes.Value {
	values := make([]tftypes.Value, len(all))
	for i, v := range all {
		values[i] = tftypes.NewValue(tftypes.String, v)
	}
	return tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, values)
}

// call calls a function with arguments, as Terraform does.
func call(t *testing.T, name string, arguments ...tftypes.Value) (*tfprotov6.DynamicValue, *tfprotov6.FunctionError) {
	t.Helper()
	req := &tfprotov6.CallFunctionRequest{Name: name}
	for _, a := range arguments {
		v, err := tfprotov6.NewDynamicValue(a.Type(), a)
		if err != nil {
			t.Fatal(err)
		}
		req.Arguments = append(req.Arguments, &v)
	}
	resp, err := server().CallFunction(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Result, resp.Error
}

// gives expects a result.
func gives(t *testing.T, want tftypes.Value, name string, arguments ...tftypes.Value) {
	t.Helper()
	result, failed := call(t, name, arguments...)
	if failed != nil {
		t.Errorf("%s(%v): %s", name, arguments, failed.Text)
		return
	}
	got, err := result.Unmarshal(want.Type())
	if err != nil || !got.Equal(want) {
		t.Errorf("%s(%v) is %v (%v), want %v", name, arguments, got, err, want)
	}
}

// blames expects an error at an argument.
func blames(t *testing.T, argument int64, says, name string, arguments ...tftypes.Value) {
	t.Helper()
	_, failed := call(t, name, arguments...)
	if failed == nil {
		t.Errorf("%s(%v) is no error", name, arguments)
		return
	}
	if failed.FunctionArgument == nil || *failed.FunctionArgument != argument || !strings.Contains(failed.Text, says) {
		t.Errorf("%s(%v) blames %v: %q; want argument %d, %q", name, arguments, failed.FunctionArgument, failed.Text,
			argument, says)
	}
}

func TestVersionMatches(t *testing.T) {
	for _, c := range []struct {
		version, constraint string
		want                bool
	}{
		{"1.2.3", "~> 1.0", true},
		{"2.0.0", "~> 1.0", false},
		{"1.2.3", "1.2.3", true},
		{"1.2.3", ">= 1.0, < 1.2", false},
		{"1.2.3", "", true},
		{"2.0.0-rc.1", "", false},
		{"2.0.0-rc.1", "!= 1.0.0", false},
		{"2.0.0-rc.1", ">= 2.0.0-rc.1", true},
	} {
		gives(t, tftypes.NewValue(tftypes.Bool, c.want), "version_matches", text(c.version), text(c.constraint))
	}
	blames(t, 0, `"1.2" is not written in full: write it as 1.2.0`, "version_matches", text("1.2"), text("~> 1.0"))
	blames(t, 0, `"newest" is not a semantic version: write it as 1.0.0`, "version_matches", text("newest"),
		text("~> 1.0"))
	blames(t, 0, `"v1.2.3" is not written in full: write it as 1.2.3`, "version_matches", text("v1.2.3"),
		text("~> 1.0"))
	blames(t, 1, `"newest" is not a version constraint`, "version_matches", text("1.2.3"), text("newest"))
}

func TestNewestVersion(t *testing.T) {
	for _, c := range []struct {
		versions   tftypes.Value
		constraint string
		want       any
	}{
		{texts("1.2.0", "1.10.0", "1.9.0", "2.0.0"), "~> 1.0", "1.10.0"},
		{texts("1.2.0", "2.0.0-rc.1"), "", "1.2.0"},
		{texts("1.2.0", "2.0.0-rc.1"), ">= 2.0.0-rc.1", "2.0.0-rc.1"},
		{texts("1.2.0"), "~> 2.0", nil},
		{texts(), "", nil},
	} {
		gives(t, tftypes.NewValue(tftypes.String, c.want), "newest_version", c.versions, text(c.constraint))
	}
	blames(t, 0, `Element 1: "two" is not a semantic version`, "newest_version", texts("1.0.0", "two"), text(""))
	blames(t, 0, "A version is null", "newest_version", texts("1.0.0", nil), text(""))
	blames(t, 1, `"~~1" is not a version constraint`, "newest_version", texts("1.0.0"), text("~~1"))
}

func TestParseID(t *testing.T) {
	of := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"tenant": tftypes.String, "name": tftypes.String, "version": tftypes.String, "template_id": tftypes.String,
	}}
	parts := func(tenant, name string, version any) tftypes.Value {
		return tftypes.NewValue(of, map[string]tftypes.Value{
			"tenant": text(tenant), "name": text(name), "version": tftypes.NewValue(tftypes.String, version),
			"template_id": text(tenant + "/" + name),
		})
	}
	gives(t, parts("platform", "ubuntu-24.04", nil), "parse_id", text("platform/ubuntu-24.04"))
	gives(t, parts("platform", "ubuntu-24.04", "1.0.0-rc.1"), "parse_id", text("platform/ubuntu-24.04@1.0.0-rc.1"))
	blames(t, 0, `"ubuntu" is not an id: write a template's as tenant/name, and a version's as tenant/name@1.0.0`,
		"parse_id", text("ubuntu"))
	blames(t, 0, `"a/b@1" is not a version id`, "parse_id", text("a/b@1"))
	blames(t, 0, `is not an id`, "parse_id", text(""))
}

// Terraform adds a full stop to a function's error (FunctionCallError of HCL), so the error must
// not end with one.
func TestErrorsEndWithoutFullStop(t *testing.T) {
	for _, c := range []struct {
		name      string
		arguments []tftypes.Value
	}{
		{"parse_id", []tftypes.Value{text("x")}},
		{"parse_id", []tftypes.Value{text("")}},
		{"parse_id", []tftypes.Value{text("a/b@1")}},
		{"parse_id", []tftypes.Value{text("A B/c")}},
		{"parse_id", []tftypes.Value{text("a/b@")}},
		{"version_matches", []tftypes.Value{text("1.2"), text("~> 1.0")}},
		{"version_matches", []tftypes.Value{text("newest"), text("~> 1.0")}},
		{"version_matches", []tftypes.Value{text("1.2.3"), text("newest")}},
		{"newest_version", []tftypes.Value{texts("1.0.0", "two"), text("")}},
		{"newest_version", []tftypes.Value{texts("1.0.0", nil), text("")}},
		{"newest_version", []tftypes.Value{texts("1.0.0"), text("~~1")}},
	} {
		_, failed := call(t, c.name, c.arguments...)
		if failed == nil || failed.Text == "" || strings.HasSuffix(failed.Text, ".") {
			t.Errorf("%s(%v): %+v", c.name, c.arguments, failed)
		}
	}
}

// Terraform passes no unknown value to a function and refuses null, because no function asks for
// either.
func TestUnknownAndNullAreTerraforms(t *testing.T) {
	resp, err := server().GetFunctions(t.Context(), &tfprotov6.GetFunctionsRequest{})
	if err != nil || len(resp.Diagnostics) > 0 || len(resp.Functions) != 3 {
		t.Fatalf("%d functions, %v, %v", len(resp.Functions), resp.Diagnostics, err)
	}
	for name, f := range resp.Functions {
		if f.Summary == "" || f.Description == "" {
			t.Errorf("%s is not described", name)
		}
		for _, p := range f.Parameters {
			if p.AllowNullValue || p.AllowUnknownValues || p.Description == "" {
				t.Errorf("%s, parameter %s: %+v", name, p.Name, p)
			}
		}
	}
}
