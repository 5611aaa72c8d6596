package acctest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Network creates a network for one test. elements is added to the definition after the name; see
// https://libvirt.org/formatnetwork.html. Without elements, the network is isolated and has no DHCP
// server.
func (h *Host) Network(t testing.TB, name, elements string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "network.xml")
	if err := os.WriteFile(
		file, fmt.Appendf(nil, "<network><name>%s</name>%s</network>", name, elements), 0o600,
	); err != nil {
		t.Fatal(err)
	}
	h.Virsh(t, "net-define", file)
	h.Virsh(t, "net-start", name)
	t.Cleanup(func() {
		h.Virsh(t, "net-destroy", name)
		h.Virsh(t, "net-undefine", name)
	})
}
