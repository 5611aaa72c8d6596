package instance

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// An instance that never gets an address is not waited for: otherwise its next change would be
// refused.
func TestAnImportWaitsForWhatCanCome(t *testing.T) {
	dhcp, fixed := profile.NIC{Name: "eth0", IP: profile.Addressing{DHCP: true}}, profile.NIC{Name: "eth1"}
	for name, c := range map[string]struct {
		nics []profile.NIC
		want []string
	}{
		"an address may come":    {[]profile.NIC{fixed, dhcp}, []string{kind.WaitIP}},
		"none":                   {nil, []string{}},
		"none with an address":   {[]profile.NIC{fixed}, []string{}},
		"somebody else's has it": {[]profile.NIC{{IP: profile.Addressing{DHCP: true}}}, []string{}},
	} {
		if got := waitsFor(kind.Instance{NICs: c.nics}, false); !slices.Equal(got, c.want) {
			t.Errorf("%s: waits for %q, want %q", name, got, c.want)
		}
	}
	if got := waitsFor(kind.Instance{}, true); !slices.Equal(got, []string{kind.WaitIP}) {
		t.Errorf("a container waits for %q, which is not the default", got)
	}
}

func TestAnImportOfAContainerSaysWhatItForgets(t *testing.T) {
	told := []metadata.ToldNote{{By: "container", Digest: "x"}, {By: "customization", Digest: "sha256:aa"}}
	i := kind.Instance{Facts: metadata.Facts{Name: "web", Container: &metadata.ContainerNote{Told: told}}}
	var diags diag.Diagnostics
	warnOfUntoldSettings(&diags, i, kind.Overrides{Container: true})
	if len(diags) != 2 || diags[0].Summary() != "Container settings not imported" ||
		!strings.Contains(diags[1].Detail(), "drops these settings, by a restart") {
		t.Errorf("it says %v", diags)
	}
	diags, told[1].Digest = nil, ""
	warnOfUntoldSettings(&diags, i, kind.Overrides{})
	if len(diags) != 0 {
		t.Errorf("of one with nothing of its own it says %v", diags)
	}
	version := catalog.Version{Spec: catalog.Spec{Parameters: map[string]parameter.Parameter{"key": {Required: true}}}}
	for forgets, want := range map[bool]bool{true: true, false: false} {
		diags = nil
		warnOfSecrets(&diags, i, version, forgets)
		if len(diags) != 1 || strings.Contains(diags[0].Detail(), "cloud_init") != want {
			t.Errorf("of secrets it says %v", diags)
		}
	}
}
