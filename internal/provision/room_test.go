package provision

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

func TestRoomIsWhatTheDomainsLeave(t *testing.T) {
	onSite(t, func(t *testing.T, s *testSite) {
		ctx := t.Context()
		unlimited := must.Get[Room](t)(s.p.Room(ctx))
		if want := (Figure{Has: fakeCPUs, Capacity: NoLimit}); unlimited.VCPUs != want {
			t.Errorf("without limits, there are %+v", unlimited.VCPUs)
		}
		if lacks := unlimited.Lacks(Demand{VCPUs: 1 << 40, MemoryMB: 1 << 40}); len(lacks) > 0 {
			t.Errorf("without limits, it lacks %s", lacks)
		}
		off := must.Get[host.Domain](t)(s.foreign(ctx, 3, 1000))
		running := must.Get[host.Domain](t)(s.foreign(ctx, 2, 2000))
		if err := s.StartDomain(ctx, running.UUID); err != nil {
			t.Fatal(err)
		}
		p := s.limited(s.Host, s.lib, Limits{VCPUs: 1.5, Memory: 0.5, ReservedMemoryMB: 1536})
		room := must.Get[Room](t)(p.Room(ctx))
		for what, got := range map[string][2]Figure{
			"vCPUs":  {room.VCPUs, {Has: 8, Capacity: 12, Allotted: 5}},
			"memory": {room.MemoryMB, {Has: 64000, Capacity: 32000, Allotted: 3000}},
		} {
			if got[0] != got[1] {
				t.Errorf("the figures of %s are %+v, want %+v", what, got[0], got[1])
			}
		}
		without, had := room.Without(off.UUID)
		again, none := without.Without(off.UUID)
		if without.VCPUs.Free() != 10 || without.MemoryMB.Free() != 30000 || had != (Demand{3, 1000}) ||
			none != (Demand{}) || again.VCPUs != without.VCPUs || room.VCPUs.Free() != 7 {
			t.Errorf("without a domain of %+v, then %+v, the room is %+v, then %+v", had, none, without, again)
		}
		if with := room.With(Demand{7, 29000}); with.VCPUs.Free() != 0 || with.MemoryMB.Free() != 0 ||
			len(with.Lacks(Demand{})) > 0 {
			t.Errorf("filled up, the room is %+v", with)
		}
		for d, want := range map[Demand]string{
			{7, 29000}:   "",
			{8, 29000}:   "1 vCPU short (5 of 12 are taken)",
			{9, 1}:       "2 vCPUs short (5 of 12 are taken)",
			{0, 31048}:   "2048 MiB of memory short (3000 of 32000 MiB are taken)",
			{100, 29001}: "93 vCPUs short (5 of 12 are taken), 1 MiB of memory short (3000 of 32000 MiB are taken)",
		} {
			if got := room.Lacks(d).String(); got != want {
				t.Errorf("for %+v it lacks %q, want %q", d, got, want)
			}
		}
		// A host that has too much already lacks nothing that is not asked for.
		over := room.With(Demand{VCPUs: 20})
		if lacks := over.Lacks(Demand{MemoryMB: 1}); len(lacks) > 0 || len(over.Lacks(Demand{VCPUs: 1})) != 1 {
			t.Errorf("a host that is over its limit lacks %s", lacks)
		}
	})
}

func TestCapacityIsNotLostToRounding(t *testing.T) {
	for _, c := range []struct {
		has    int64
		factor float64
		want   int64
	}{{100, 1.15, 115}, {3, 1.1, 3}, {8, 0.5, 4}, {-5, 2, 0}, {0, 4, 0}, {7, 0, NoLimit}} {
		if got := figure(c.has, c.factor).Capacity; got != c.want {
			t.Errorf("%d times %g is %d, want %d", c.has, c.factor, got, c.want)
		}
	}
}

func TestInstancesOfAllKindsTakeRoom(t *testing.T) {
	twoKinds(t, func(t *testing.T, s *testSite, boxes kind.Request) {
		s.made(t, s.request("linked_clone"))
		boxes.Name = "box"
		s.made(t, boxes)
		room := must.Get[Room](t)(s.p.Room(t.Context()))
		if room.VCPUs.Allotted != 2 || room.MemoryMB.Allotted != 2048 {
			t.Errorf("a machine and a box leave %+v", room)
		}
	})
}
