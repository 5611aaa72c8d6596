package guest

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// The interface of a container has no permanent MAC address by which netplan would find it.
func TestAnInterfaceCanBeFoundByItsName(t *testing.T) {
	text := string(must.Get[[]byte](t)(renderNetwork([]NetworkInterface{
		{Name: "lan", Device: "eth0", MAC: "52:54:00:00:00:01", DHCP: true},
		{Name: "wan", MAC: "52:54:00:00:00:02", DHCP: true},
	})))
	byName, byMAC, _ := strings.Cut(text, `"wan":`)
	if !strings.Contains(byName, `"eth0":`) || strings.Contains(byName, "match") ||
		strings.Contains(byName, "set-name") {
		t.Errorf("by its name it is found as %s", text)
	}
	if !strings.Contains(byMAC, "52:54:00:00:00:02") {
		t.Errorf("by its MAC address the other is found as %s", text)
	}
}
