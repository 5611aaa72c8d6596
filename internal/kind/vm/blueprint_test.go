package vm

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

func text(value string) *parameter.Value {
	return &parameter.Value{Type: parameter.TypeString, Text: value}
}

// told is a blueprint of a version with user data over parameters.
func told(userData string, values parameter.Values, declared map[string]parameter.Parameter) kind.Blueprint {
	b := kind.Blueprint{Parameters: values, Shown: values}
	b.Version.Spec = catalog.Spec{Parameters: declared}
	if userData != "" {
		b.Version.Spec.CloudInit = &cloudinit.Config{UserData: userData}
	}
	return b
}

func TestUserDataIsRenderedOnceAllValuesAreKnown(t *testing.T) {
	declared := map[string]parameter.Parameter{"port": {Type: parameter.TypeString}}
	const data = "#cloud-config\nwrite_files: [{path: /port, content: {{ quote .port }}}]\n"
	for name, c := range map[string]struct {
		values   parameter.Values
		sound    bool
		rendered string
		at       string
	}{
		"known":            {parameter.Values{"port": text("80")}, true, `content: "80"`, ""},
		"unknown":          {parameter.Values{"port": nil}, true, "", ""},
		"something broken": {parameter.Values{"port": text("80")}, false, "", ""},
	} {
		b := told(data, c.values, declared)
		found := (&Driver{}).Decide(kind.Request{}, &b, c.sound)
		if got := PartOf(b).UserData; len(found) > 0 || !strings.Contains(got, c.rendered) ||
			(got == "") != (c.rendered == "") {
			t.Errorf("%s: %q, %v", name, got, found)
		}
	}
	b := told("#cloud-config\na: {{ .port }}\n", parameter.Values{"port": text("[")}, declared)
	found := (&Driver{}).Decide(kind.Request{}, &b, true)
	if len(found) != 1 || found[0].Path.String() != "parameters" || PartOf(b).UserData != "" {
		t.Errorf("a value that breaks the user data: %v", found)
	}
}

func TestAnInstanceThatWasToldIsNotCheckedAgain(t *testing.T) {
	b := told("#cloud-config\na: {", nil, nil)
	r := kind.Request{Customization: &guest.Customization{Timezone: "?"}}
	if found := (&Driver{}).Decide(r, &b, true); len(found) < 2 {
		t.Errorf("of a new one there is found %v", found)
	}
	r.Seeded = true
	if found := (&Driver{}).Decide(r, &b, true); len(found) > 0 || b.Told() == "" ||
		b.Told() != r.Customization.Digest() {
		t.Errorf("of one that was told: %v, and it tells %q", found, b.Told())
	}
}

func TestAMachineIsDecidedByItsProfile(t *testing.T) {
	b := told("", nil, nil)
	b.Hardware = &profile.Hardware{CPUCores: new(int64(4)), MemoryMB: new(int64(512))}
	if found := (&Driver{}).Decide(kind.Request{}, &b, true); len(found) > 0 || PartOf(b).Machine.Cores != 4 ||
		PartOf(b).Machine.MemoryMiB != 512 {
		t.Errorf("it is %+v, %v", PartOf(b).Machine, found)
	}
	if b.Reports() || b.Told() != "" {
		t.Errorf("a guest that is told nothing reports: %t, told %q", b.Reports(), b.Told())
	}
	if none := PartOf(kind.Blueprint{}); none.Machine != (profile.Machine{}) {
		t.Errorf("a blueprint without a part has %+v", none)
	}
}

func TestTheHostNameIsTheInstancesUnlessAParameterSetsIt(t *testing.T) {
	declared := map[string]parameter.Parameter{"name": {Type: parameter.TypeString, Target: parameter.TargetHostname}}
	for value, want := range map[string]string{"": "web", "db-1": "db-1"} {
		b := told("", parameter.Values{"name": text(value)}, declared)
		if got := b.Hostname("web"); got != want {
			t.Errorf("with %q it is called %q, want %q", value, got, want)
		}
	}
}

func TestAKeyThatIsNoneIsFoundAtItsParameter(t *testing.T) {
	declared := map[string]parameter.Parameter{"admin": {Type: parameter.TypeText, Target: parameter.TargetSSHKey}}
	for key, want := range map[string]int{
		"": 0, "ssh-rsa": 1, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a": 0,
	} {
		found := told("", parameter.Values{"admin": text(key)}, declared).CheckKey()
		if len(found) != want || want > 0 && found[0].Path.String() != `parameters["admin"]` {
			t.Errorf("%q: %v", key, found)
		}
	}
}
