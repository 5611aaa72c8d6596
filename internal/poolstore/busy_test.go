package poolstore

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// TestAVolumeInUseIsTriedAgain: libvirt refuses to write or delete a volume while another process
// reads it, and to read a volume that it is creating.
func TestAVolumeInUseIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, refused := newMemory(), map[string]int{}
		busy := process{memory: m, before: func(call, name string) error {
			if refused[call+name]++; (call == "write" || call == "delete") && refused[call+name] <= 3 {
				return fmt.Errorf("volume %q is still in use: %w", name, host.ErrOperationInvalid)
			}
			return nil
		}}
		c := notes(New(busy, "pool"))
		made := must.Get[catalog.Record[note]](t)(c.Create(t.Context(), "t/a", note{}))
		for range 3 {
			made = must.Get[catalog.Record[note]](t)(c.Replace(t.Context(), "t/a", made.Revision, note{}))
		}

		m.volumes["nova.note.t.a.5.json"] = claimedFor(nil, 0)
		creating := process{memory: m, before: func(call, name string) error {
			if call == "read" && name == "nova.note.t.a.5.json" {
				return fmt.Errorf("volume %q is still being allocated: %w", name, host.ErrOperationInvalid)
			}
			return nil
		}}
		if got := must.Get[catalog.Record[note]](t)(notes(New(creating, "pool")).Get(t.Context(), "t/a")); got != made {
			t.Errorf("read %+v, want %+v", got, made)
		}
		if err := c.Delete(t.Context(), "t/a", made.Revision); err != nil {
			t.Fatal(err)
		}
		if left := m.names(); len(left) > 0 {
			t.Errorf("left after the delete: %q", left)
		}
	})
}
