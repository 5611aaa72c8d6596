// Package memory saves the memory of guests in acceptance tests, and resumes it as that of others, step
// by step and without a catalog.
package memory

import (
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// Saved is the memory of a guest, in a volume.
type Saved struct {
	conn                  *libvirt.Conn
	pool, directory, name string
	head                  []byte
}

// Save saves the memory of a guest to a volume of a pool, whose directory is given, and ends the guest.
func Save(t testing.TB, c *libvirt.Conn, uuid, pool, directory, name string) Saved {
	t.Helper()
	check(t, c.SaveMemory(t.Context(), uuid, filepath.Join(directory, name)))
	check(t, c.RefreshPool(t.Context(), pool))
	begin := must.Get[[]byte](t)(c.ReadVolumeAt(t.Context(), pool, name, 0, host.MemoryHeadBegins))
	size := must.Get[int](t)(c.MemoryHeadSize(begin))
	return Saved{
		conn: c, pool: pool, directory: directory, name: name,
		head: must.Get[[]byte](t)(c.ReadVolumeAt(t.Context(), pool, name, 0, int64(size))),
	}
}

// Resume defines a guest of another identity, and resumes it. Its volumes exist.
func (s Saved) Resume(t testing.TB, id host.Identity) {
	t.Helper()
	head, definition, err := s.conn.MemoryHeadAs(s.head, id)
	check(t, err)
	must.Get[host.Domain](t)(s.conn.DefineAs(t.Context(), definition, id))
	own := id.Name + ".memory"
	check(t, s.conn.CopyVolume(t.Context(), s.pool, own, s.name))
	check(t, s.conn.WriteVolume(t.Context(), s.pool, own, head))
	check(t, s.conn.ResumeMemory(t.Context(), filepath.Join(s.directory, own)))
	check(t, s.conn.DeleteVolume(t.Context(), s.pool, own))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
