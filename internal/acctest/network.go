package acctest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Network creates a network for one test alone, with these elements in its definition beside the
// name; see https://libvirt.org/formatnetwork.html. Without any it is an isolated one on which no
// DHCP server answers.
func (h *Host) Network(t testing.TB, name, elements string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "network.xml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "<network><name>%s</name>%s</network>", name, elements), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Virsh(t, "net-define", file)
	h.Virsh(t, "net-start", name)
	t.Cleanup(func() {
		h.Virsh(t, "net-destroy", name)
		h.Virsh(t, "net-undefine", name)
	})
}
