package hosttest

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// What a domain may take counts from when it is defined until it is gone, and the larger of what its
// guest has and will have.
func allotments(t *testing.T, _ Site, k kind) {
	ctx := t.Context()
	d, cores := k.define(t), uint64(k.cores)
	takes := func(when string, vcpus, mib uint64) {
		t.Helper()
		found := host.Allotment{}
		for _, a := range must.Get[[]host.Allotment](t)(k.Allotments(ctx)) {
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
		done(t, k.RedefineDomain(ctx, d.UUID, host.DomainChange{Sockets: &sockets, MemoryMiB: &mib}))
	}
	takes("defined", 1*cores, 64)
	resize(2, 96)
	takes("defined larger", 2*cores, 96)
	done(t, k.StartDomain(ctx, d.UUID))
	takes("running", 2*cores, 96)
	resize(3, 128)
	takes("running, and to be larger", 3*cores, 128)
	resize(1, 64)
	takes("running, and to be smaller", 2*cores, 96)
	done(t, k.DestroyDomain(ctx, d.UUID))
	takes("off", 1*cores, 64)
	done(t, k.UndefineDomain(ctx, d.UUID))
	for _, a := range must.Get[[]host.Allotment](t)(k.Allotments(ctx)) {
		if a.UUID == d.UUID {
			t.Errorf("gone, it is %+v", a)
		}
	}
}
