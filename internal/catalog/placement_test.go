package catalog

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
)

// placed is a placement of the tenant t1 in the pool gold.
func placed(name string, vcpus, memory, disk int64) Placement {
	return Placement{Tenant: "t1", Name: name, Pool: "gold", VCPUs: vcpus, MemoryMB: memory, DiskGB: disk}
}

func TestWhatATenantTakesIsSummedByPool(t *testing.T) {
	other, foreign, none := placed("c", 100, 100, 100), placed("d", 100, 100, 100), placed("e", 100, 100, 100)
	other.Pool, foreign.Tenant, none.Pool = "silver", "t2", ""
	all := []Placement{placed("a", 1, 512, 10), placed("b", 2, 1024, 0), other, foreign, none}
	if got, want := Used(slices.Values(all), "t1", "gold"), (Usage{3, 1536, 10, 2}); got != want {
		t.Errorf("t1 takes %+v of gold, want %+v", got, want)
	}
	if got := Used(slices.Values(all), "t3", "gold"); got != (Usage{}) {
		t.Errorf("t3 takes %+v", got)
	}
}

func TestASumThatIsTooLargeStaysTheGreatestNumber(t *testing.T) {
	all := []Placement{placed("a", math.MaxInt64, 1, 0), placed("b", math.MaxInt64, 1, 0)}
	if got, want := Used(slices.Values(all), "t1", "gold"), (Usage{math.MaxInt64, 2, 0, 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	limit := int64(math.MaxInt64)
	pool := ResourcePool{Name: "gold", Tenants: map[string]Quota{"t1": {VCPUs: &limit}}}
	if err := pool.Admit("t1", Usage{VCPUs: math.MaxInt64}, Usage{VCPUs: 1}); err != nil {
		t.Errorf("the greatest limit is as good as none, and it says: %v", err)
	}
	limit--
	if err := pool.Admit("t1", Usage{VCPUs: math.MaxInt64}, Usage{VCPUs: 1}); err == nil {
		t.Error("more than the limit is admitted")
	}
}

func TestAChangeAddsWhatGrows(t *testing.T) {
	was := placed("a", 2, 1024, 10)
	elsewhere, nowhere := was, was
	elsewhere.Pool, nowhere.Pool = "silver", ""
	for what, c := range map[string]struct {
		to, was Placement
		want    Usage
	}{
		"a new one":            {was, Placement{}, Usage{2, 1024, 10, 1}},
		"nothing":              {was, was, Usage{}},
		"larger":               {placed("a", 4, 1024, 30), was, Usage{2, 0, 20, 0}},
		"smaller":              {placed("a", 1, 512, 10), was, Usage{}},
		"larger and smaller":   {placed("a", 3, 512, 10), was, Usage{1, 0, 0, 0}},
		"into another pool":    {elsewhere, was, Usage{2, 1024, 10, 1}},
		"out of every pool":    {nowhere, was, Usage{}},
		"from none into one":   {was, nowhere, Usage{2, 1024, 10, 1}},
		"a new one in no pool": {nowhere, Placement{}, Usage{}},
	} {
		if got := c.to.Adds(c.was); got != c.want {
			t.Errorf("%s: adds %+v, want %+v", what, got, c.want)
		}
	}
}

func TestAPlacementIsAbandonedOnceItsProcessIsDeadOrLate(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	late := noon.Add(lease.Slack + time.Second)
	dead := leasetest.Dead(t)
	for what, c := range map[string]struct {
		state  PlacementState
		runner string
		now    time.Time
		want   bool
	}{
		"a create that goes on":         {PlacementReserved, lease.This(), noon, false},
		"a create whose process died":   {PlacementReserved, dead, noon, true},
		"a create that is overdue":      {PlacementReserved, lease.This(), late, true},
		"a move whose process died":     {PlacementMoving, dead, noon, true},
		"a removal whose process died":  {PlacementLeaving, dead, noon, true},
		"an instance of a dead process": {PlacementPlaced, dead, late, false},
		"an instance without a process": {PlacementPlaced, "", late, false},
	} {
		p := Placement{State: c.state, Runner: c.runner, Since: noon.Add(-time.Hour), Deadline: noon}
		if got := p.Abandoned(c.now); got != c.want {
			t.Errorf("%s is abandoned: %t, want %t", what, got, c.want)
		}
	}
}

func TestAPlacementTakesNoLessThanNothing(t *testing.T) {
	if err := placed("a", 0, 0, 0).Check(); err != nil {
		t.Error(err)
	}
	for _, p := range []Placement{placed("a", -1, 0, 0), placed("a", 0, -1, 0), placed("a", 0, 0, -1)} {
		err := p.Check()
		if err == nil || !strings.Contains(err.Error(), `"t1/a"`) || !strings.Contains(err.Error(), "-1") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
