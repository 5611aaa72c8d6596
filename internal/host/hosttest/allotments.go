package hosttest

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// What a domain may take counts from when it is defined until it is gone, and the larger of what its
// guest has and will have.
func allotments(t *testing.T, s Site) {
	ctx := t.Context()
	d := defined(t, s)
	takes := func(when string, vcpus, mib uint64) {
		t.Helper()
		found := host.Allotment{}
		for _, a := range must.Get[[]host.Allotment](t)(s.Host.Allotments(ctx)) {
			if a.UUID == d.UUID {
				found = a
			}
		}
		if want := (host.Allotment{UUID: d.UUID, Name: d.Name, VCPUs: vcpus, Memory: mib << 20}); found != want {
			t.Errorf("%s, it is %+v, want %+v", when, found, want)
		}
	}
	resize := func(sockets int, mib uint64) {
		t.Helper()
		done(t, s.Host.RedefineDomain(ctx, d.UUID, host.DomainChange{Sockets: &sockets, MemoryMiB: &mib}))
	}
	takes("defined", 2, 64)
	resize(2, 96)
	takes("defined larger", 4, 96)
	done(t, s.Host.StartDomain(ctx, d.UUID))
	takes("running", 4, 96)
	resize(3, 128)
	takes("running, and to be larger", 6, 128)
	resize(1, 64)
	takes("running, and to be smaller", 4, 96)
	done(t, s.Host.DestroyDomain(ctx, d.UUID))
	takes("off", 2, 64)
	done(t, s.Host.UndefineDomain(ctx, d.UUID))
	for _, a := range must.Get[[]host.Allotment](t)(s.Host.Allotments(ctx)) {
		if a.UUID == d.UUID {
			t.Errorf("gone, it is %+v", a)
		}
	}
}
