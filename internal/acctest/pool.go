package acctest

import "testing"

// Pool creates a directory pool for one test, and returns its name, as given, and its directory on
// the host. When the test ends, Pool checks that the test has left nothing of the provider's there.
func (h *Host) Pool(t testing.TB, name string) (pool, directory string) {
	t.Helper()
	directory = "/var/lib/libvirt/" + name
	h.Virsh(t, "pool-create-as", name, "dir", "--target", directory, "--build")
	t.Cleanup(func() {
		// All of the provider's names start with this prefix.
		if left := h.Leftovers(t, name, "nova."); len(left) > 0 {
			t.Errorf("left over in pool %s: %q", name, left)
		}
		h.Virsh(t, "pool-destroy", name)
		h.Exec(t, "rm", "-r", directory)
	})
	return name, directory
}
