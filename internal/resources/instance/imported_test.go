package instance

import (
	"slices"
	"testing"

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
		if got := waitsFor(kind.Instance{NICs: c.nics}); !slices.Equal(got, c.want) {
			t.Errorf("%s: waits for %q, want %q", name, got, c.want)
		}
	}
}
