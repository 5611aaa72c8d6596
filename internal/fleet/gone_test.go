package fleet

import (
	"fmt"
	"slices"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Instances that were removed by other means take nothing of a quota once that is in the way, unless they
// may be on a host that does not answer.
func TestInstancesThatAreGoneMakeRoom(t *testing.T) {
	inWorld(t, plenty, []string{"a", "b"}, func(t *testing.T, w *world) {
		w.pool(t, "gold", 3072, "a", "b")
		f, in := w.process(), Where{Pool: "gold", Hosts: []string{"a"}}
		made := map[string]kind.Instance{}
		for n := range 3 {
			name := fmt.Sprintf("i%d", n)
			i, _, err := create(t.Context(), f, request(name, 1024), in)
			if err != nil {
				t.Fatal(err)
			}
			made[name] = i
		}
		if err := w.hosts["a"].UndefineDomain(t.Context(), made["i1"].UUID); err != nil {
			t.Fatal(err)
		}
		wants := &kind.Blueprint{Hardware: &profile.Hardware{MemoryMB: new(int64(1024))}}
		w.hosts["b"].Inject = silent
		refused(t, w.process().PlanQuota(t.Context(), "i3", "gold", wants), "0 of 3072 MiB of memory are left")
		_, _, err := create(t.Context(), w.process(), request("i3", 1024), in)
		refused(t, err, "0 of 3072 MiB of memory are left")
		w.hosts["b"].Inject = nil
		plan := w.process()
		for range 2 {
			if err := plan.PlanQuota(t.Context(), "i3", "gold", wants); err != nil {
				t.Error(err)
			}
		}
		if got := len(w.placements(t)); got != 3 {
			t.Errorf("a plan has left %d placements", got)
		}
		if _, _, err := create(t.Context(), w.process(), request("i3", 1024), in); err != nil {
			t.Error(err)
		}
		want := []string{"i0 on a (placed)", "i2 on a (placed)", "i3 on a (placed)"}
		if got := w.placements(t); !slices.Equal(got, want) {
			t.Errorf("the placements are %q, want %q", got, want)
		}
		_, _, err = create(t.Context(), w.process(), request("i4", 1024), in)
		refused(t, err, "0 of 3072 MiB of memory are left")
	})
}
