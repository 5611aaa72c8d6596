package container

import (
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

func TestInterfacesKeepTheirNames(t *testing.T) {
	both := map[string]string{"a": "eth0", "b": "eth1"}
	nic := func(mac string) profile.NIC { return profile.NIC{MAC: mac} }
	for name, c := range map[string]struct {
		nics []profile.NIC
		has  map[string]string
		want []string
	}{
		"new":          {[]profile.NIC{nic("a"), nic("b")}, nil, []string{"eth0", "eth1"}},
		"one has left": {[]profile.NIC{nic("b")}, both, []string{"eth1"}},
		"one comes first": {
			[]profile.NIC{nic("c"), nic("a"), nic("b")}, both, []string{"eth2", "eth0", "eth1"},
		},
		"one is replaced": {[]profile.NIC{nic("c"), nic("B")}, both, []string{"eth0", "eth1"}},
	} {
		if got := devices(c.nics, c.has); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
