package fleet

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// What cannot be moved is refused while planning, with the reason.
func TestWhatCannotBeMoved(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, w *world, uuid string)
		why   string
	}{
		"a foreign disk": {func(t *testing.T, w *world, uuid string) {
			disk := host.DiskSpec{Name: "theirs", Target: "vdz", Path: "/other/disk", Format: "raw"}
			if err := w.hosts["a"].RedefineDomain(t.Context(), uuid, host.DomainChange{AddDisk: &disk}); err != nil {
				t.Fatal(err)
			}
		}, `its disk vdz, "/other/disk", was not made by novacron`},
		"snapshots": {func(t *testing.T, w *world, _ string) {
			const snapshotsAt = 60
			w.upload(t, "a", dataDisk, "\x00\x00\x00\x01", snapshotsAt)
		}, "has snapshots: delete them first"},
		"resumed": {func(t *testing.T, w *world, _ string) {
			w.standing(t, naming.WarmDisk(naming.NewWarmStem()))
		}, "it was resumed from a warm snapshot"},
		"kept memory": {func(_ *testing.T, w *world, uuid string) {
			w.hosts["a"].Save(uuid)
		}, "its host keeps the memory of its guest"},
		"another base": {func(t *testing.T, w *world, _ string) {
			w.standing(t, "stray")
		}, `stands on "/pool/stray", which is not the image of version`},
	} {
		inWorld(t, plenty, []string{"h", "a", "b"}, func(t *testing.T, w *world) {
			uuid := w.created(t, "a").UUID
			c.spoil(t, w, uuid)
			f := w.process()
			i, on, err := f.Read(t.Context(), "a", uuid)
			if err != nil {
				t.Fatal(err)
			}
			b := must.Get[kind.Blueprint](t)(on.BlueprintOf(t.Context(), i, movable()))
			if _, err := f.PlanMove(t.Context(), on, i, b, only("b"), false); err == nil ||
				!strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: planned with %v", name, err)
			}
			if _, _, err := f.Move(t.Context(), on, i, only("b"), provision.Change{
				Blueprint: &b, AllowRestart: true, Options: movable().Options,
			}, false); err == nil || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: moved with %v", name, err)
			}
			if !slices.Contains(w.hosts["a"].UUIDs(), uuid) || len(w.domains(t, "b")) > 0 {
				t.Errorf("%s: it was touched", name)
			}
			if all := w.placements(t); !slices.Equal(all, []string{"it on a (placed)"}) {
				t.Errorf("%s: the placements are %q", name, all)
			}
		})
	}
}

// standing makes the system disk on host a stand on a new volume of a name.
func (w *world) standing(t *testing.T, below string) {
	t.Helper()
	if err := w.hosts["a"].DeleteVolume(t.Context(), thePool, system); err != nil {
		t.Fatal(err)
	}
	for _, spec := range []host.VolumeSpec{
		{Name: below, Format: "qcow2", Capacity: 1 << 20},
		{
			Name: system, Format: "qcow2", Capacity: 1 << 20,
			Backing: &host.Backing{Path: "/pool/" + below, Format: "qcow2"},
		},
	} {
		must.Get[host.Volume](t)(w.hosts["a"].CreateVolume(t.Context(), thePool, spec))
	}
}
