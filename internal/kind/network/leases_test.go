package network

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// A lease says something about a guest if it was given or renewed since the guest was started.
func TestALeaseFromBeforeTheStartSaysNothing(t *testing.T) {
	const mac, other = "52:54:00:00:00:01", "52:54:00:00:00:02"
	nics := []profile.NIC{{Name: "eth0", Network: "default", MAC: mac}}
	old := OldLeases{{MAC: mac, IP: "10.0.0.5", Expires: 100}, {MAC: mac, IP: "10.0.0.6"}}
	for name, c := range map[string]struct {
		now     []host.Address
		fresh   bool
		endless []string
	}{
		"gone":                {nil, false, nil},
		"the same":            {[]host.Address{old[0]}, false, nil},
		"renewed":             {[]host.Address{{MAC: "52:54:00:00:00:01", IP: "10.0.0.5", Expires: 160}}, true, nil},
		"another address":     {[]host.Address{old[0], {MAC: mac, IP: "10.0.0.7", Expires: 100}}, true, nil},
		"without an end":      {[]host.Address{old[1]}, false, []string{mac}},
		"somebody else's":     {[]host.Address{{MAC: other, IP: "10.0.0.8", Expires: 160}}, false, nil},
		"for nobody to reach": {[]host.Address{{MAC: mac, IP: "169.254.0.5", Expires: 160}}, false, nil},
	} {
		if fresh, endless := old.compare(c.now, nics); fresh != c.fresh || !slices.Equal(endless, c.endless) {
			t.Errorf("%s: fresh is %t, endless %q, want %t, %q", name, fresh, endless, c.fresh, c.endless)
		}
	}
	if fresh, _ := OldLeases(nil).compare([]host.Address{old[0]}, nics); !fresh {
		t.Error("a guest that was not started keeps its lease")
	}
}
