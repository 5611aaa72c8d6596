package acctest

import "testing"

// Pool creates a directory pool for one test alone, in which the test must have left nothing of the
// provider's when it ends. It returns the pool's name, which is the given one, and its directory on
// the host.
func (h *Host) Pool(t testing.TB, name string) (pool, directory string) {
	t.Helper()
	directory = "/var/lib/libvirt/" + name
	h.Virsh(t, "pool-create-as", name, "dir", "--target", directory, "--build")
	t.Cleanup(func() {
		// All names of the provider's begin so.
		if left := h.Leftovers(t, name, "nova."); len(left) > 0 {
			t.Errorf("left over in pool %s: %q", name, left)
		}
		h.Virsh(t, "pool-destroy", name)
		h.Exec(t, "rm", "-r", directory)
	})
	return name, directory
}
