package catalog

import (
	"maps"
	"strings"
	"testing"
)

func TestParameterDeclarations(t *testing.T) {
	at := func(name string) string { return `parameters["` + name + `"]` }
	for name, c := range map[string]struct {
		declared map[string]Parameter
		want     []string
	}{
		"none":             {nil, nil},
		"targets by name":  {map[string]Parameter{"hostname": {Type: "string"}, "ssh_key": {Type: "text"}}, nil},
		"target":           {map[string]Parameter{"machine": {Type: "string", Target: "hostname", Default: new("web")}}, nil},
		"bad name":         {map[string]Parameter{"Host-Name": {Type: "string", Target: "hostname"}}, []string{at("Host-Name") + ": Invalid parameter name"}},
		"unknown type":     {map[string]Parameter{"hostname": {Type: "float"}}, []string{at("hostname") + ".type: Unknown parameter type"}},
		"required default": {map[string]Parameter{"hostname": {Type: "string", Required: true, Default: new("a")}}, []string{at("hostname") + ".default: Required with a default"}},
		"drives nothing":   {map[string]Parameter{"port": {Type: "string"}}, []string{at("port") + ": Parameter drives nothing"}},
		"unknown target":   {map[string]Parameter{"port": {Type: "string", Target: "prot"}}, []string{at("port") + ".target: Unknown target"}},
		"driven twice": {map[string]Parameter{"hostname": {Type: "string"}, "name": {Type: "string", Target: "hostname"}},
			[]string{at("name") + ".target: Target driven twice"}},
		"bad default": {map[string]Parameter{"hostname": {Type: "string", Default: new("Web_1")}}, []string{at("hostname") + ".default: Invalid default"}},
		"two lines":   {map[string]Parameter{"ssh_key": {Type: "string", Default: new("a\nb")}}, []string{at("ssh_key") + ".default: Invalid default"}},
		"nul":         {map[string]Parameter{"ssh_key": {Type: "text", Default: new("a\x00b")}}, []string{at("ssh_key") + ".default: Invalid default"}},
	} {
		expect(t, name, ValidateParameters(c.declared), c.want...)
	}
}

func TestResolveParameters(t *testing.T) {
	declared := map[string]Parameter{
		"hostname": {Type: "string", Required: true, Description: "name of the machine"}, "ssh_key": {Type: "text", Default: new("ssh-ed25519 A")},
	}
	for name, c := range map[string]struct {
		given, want Values
		wrong       []string
	}{
		"a default":   {Values{"hostname": new("web")}, Values{"hostname": new("web"), "ssh_key": new("ssh-ed25519 A")}, nil},
		"an override": {Values{"hostname": new("web"), "ssh_key": new("")}, Values{"hostname": new("web"), "ssh_key": new("")}, nil},
		"unknown yet": {Values{"hostname": nil, "ssh_key": nil}, Values{"hostname": nil, "ssh_key": nil}, nil},
		"missing":     {nil, nil, []string{"parameters: Missing parameter"}},
		"undeclared":  {Values{"hostname": new("web"), "ssh-key": new("x")}, nil, []string{`parameters["ssh-key"]: Unknown parameter`}},
		"no label":    {Values{"hostname": new("web.lan")}, nil, []string{`parameters["hostname"]: Invalid value`}},
	} {
		got, fs := Resolve(declared, c.given)
		expect(t, name, fs, c.wrong...)
		same := func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
		if c.want != nil && !maps.EqualFunc(got, c.want, same) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	_, fs := Resolve(declared, Values{"hostnme": new("x")})
	if text := fs.Error(); !strings.Contains(text, `Did you mean "hostname"?`) || !strings.Contains(text, "name of the machine") {
		t.Errorf("got %q, want the nearest name, and what the missing parameter is for", text)
	}
	if _, fs := Resolve(nil, Values{"a": new("x")}); !strings.Contains(fs.Error(), "declares no parameters") {
		t.Errorf("got %v", fs)
	}
	effective, _ := Resolve(declared, Values{"hostname": new("web")})
	if Targeted(declared, effective, TargetHostname) != "web" || Targeted(declared, effective, TargetSSHKey) != "ssh-ed25519 A" || Targeted(nil, nil, TargetHostname) != "" {
		t.Error("targets do not get their values")
	}
}

func TestPathsAreWrittenAsTerraformDoes(t *testing.T) {
	base := At("storage_profile").Name("disks")
	a, b := base.Key("a").Name("size_gb"), base.Key("b") // two from one base must not share memory
	if a.String() != `storage_profile.disks["a"].size_gb` || b.String() != `storage_profile.disks["b"]` {
		t.Errorf("got %s and %s", a, b)
	}
}
