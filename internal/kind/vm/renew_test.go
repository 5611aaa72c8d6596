package vm

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

func testNIC(name, mac string, change ...func(*profile.NIC)) profile.NIC {
	n := profile.NIC{Name: name, Model: "virtio", Network: "default", MAC: mac, IP: profile.Addressing{DHCP: true}}
	for _, c := range change {
		c(&n)
	}
	return n
}

// A new system disk's seed tells the guest of all its cards, also of one that comes with it, and of
// one that somebody took away and that comes back.
func TestASeedKnowsTheAddressesOfAllCards(t *testing.T) {
	i := kind.Instance{NICs: []profile.NIC{testNIC("eth0", "52:54:00:00:00:0a")}}
	i.Facts.MACs = []metadata.MACNote{{Interface: "eth0", MAC: "52:54:00:00:00:01"}, {Interface: "eth3", MAC: "52:54:00:00:00:0d"}}
	got := withMACs([]profile.NIC{testNIC("eth0", ""), testNIC("eth1", ""), testNIC("eth2", "52:54:00:00:00:0c"), testNIC("eth3", "")}, i)
	if got[0].MAC != i.NICs[0].MAC || len(got[1].MAC) != 17 || got[2].MAC != "52:54:00:00:00:0c" || got[3].MAC != "52:54:00:00:00:0d" {
		t.Errorf("the cards are %+v", got)
	}
}
