package volumes

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

// tiered is a host with the library's pool, and those of the tiers fast and bulk. The tier gone has
// no pool.
func tiered(t *testing.T) (*Volumes, *fakehost.Host) {
	t.Helper()
	h := fakehost.New()
	for _, pool := range []string{"lib", "nvme", "disks"} {
		if _, err := h.CreateDirPool(t.Context(), pool, "/"+pool); err != nil {
			t.Fatal(err)
		}
	}
	return New(h, inventory.New(h), "lib", map[string]string{"fast": "nvme", "bulk": "disks", "gone": "removed"}), h
}

func disk(path string) host.DomainDisk { return host.DomainDisk{Name: "data", Path: path} }

func TestADiskIsInThePoolOfItsDirectory(t *testing.T) {
	v, h := tiered(t)
	for path, want := range map[string]string{
		"/lib/a.qcow2": "lib", "/nvme/a.qcow2": "nvme", "/nvme/deeper/a.qcow2": "", "/elsewhere/a.qcow2": "",
	} {
		pool, found, err := v.Of(t.Context(), disk(path))
		if err != nil || pool.Name != want || found != (want != "") {
			t.Errorf("%s is in %q (found: %t), %v, want %q", path, pool.Name, found, err, want)
		}
		if pool, err := v.With(t.Context(), disk(path)); (err == nil) != (want != "") || pool.Name != want ||
			err != nil && !strings.Contains(err.Error(), path) {
			t.Errorf("%s has to be in %q, %v", path, pool.Name, err)
		}
	}
	// A pool that was defined later counts as well.
	if _, err := h.CreateDirPool(t.Context(), "new", "/elsewhere"); err != nil {
		t.Fatal(err)
	}
	if pool, found, err := v.Of(t.Context(), disk("/elsewhere/a.qcow2")); err != nil || !found || pool.Name != "new" {
		t.Errorf("in a pool that is new: %q, %t, %v", pool.Name, found, err)
	}
}

// Of pools that share a directory, the library's is meant.
func TestTheLibraryIsMeantWherePoolsShareADirectory(t *testing.T) {
	h := fakehost.New()
	for _, pool := range []string{"a", "lib", "z"} {
		if _, err := h.CreateDirPool(t.Context(), pool, "/shared"); err != nil {
			t.Fatal(err)
		}
	}
	v := New(h, inventory.New(h), "lib", nil)
	if pool, _, err := v.Of(t.Context(), disk("/shared/a")); err != nil || pool.Name != "lib" {
		t.Errorf("got %q, %v", pool.Name, err)
	}
}

func TestThePoolsOfADomainBeginWithTheLibrarys(t *testing.T) {
	v, _ := tiered(t)
	foreign := disk("/disks/x")
	foreign.Name = ""
	for name, c := range map[string]struct {
		disks []host.DomainDisk
		want  []string
	}{
		"none": {nil, []string{"lib"}},
		"in two": {[]host.DomainDisk{disk("/nvme/a"), disk("/lib/b"), disk("/nvme/c")},
			[]string{"lib", "nvme"}},
		"somebody else's":       {[]host.DomainDisk{foreign}, []string{"lib"}},
		"in a pool that is not": {[]host.DomainDisk{disk("/gone/a"), disk("/disks/b")}, []string{"lib", "disks"}},
	} {
		if got, err := v.PoolsOf(t.Context(), c.disks); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
	if got := v.Homes(); !slices.Equal(got, []string{"disks", "lib", "nvme", "removed"}) {
		t.Errorf("instances may be in %q", got)
	}
}

func TestADriveHasTheHomeOfItsTier(t *testing.T) {
	v, h := tiered(t)
	for tier, want := range map[string]string{"": "lib", "fast": "nvme", "bulk": "disks"} {
		if pool, err := v.Home(t.Context(), profile.Drive{Name: "d", Tier: tier}); err != nil || pool.Name != want ||
			v.TierPool(tier) != want {
			t.Errorf("on tier %q it is in %q, %v", tier, pool.Name, err)
		}
	}
	_, err := v.Home(t.Context(), profile.Drive{Name: "d", Tier: "gone"})
	if err == nil || !strings.Contains(err.Error(), `"removed"`) || !strings.Contains(err.Error(), h.URI()) {
		t.Errorf("on a tier whose pool is gone: %v", err)
	}
}

func TestADiskIsOnTheTierOfItsPool(t *testing.T) {
	v, _ := tiered(t)
	v.tiers["also-fast"], v.tiers["same"] = "nvme", "lib"
	for name, c := range map[string]struct{ path, usual, want string }{
		"the library's":             {"/lib/a", "", ""},
		"the library's, by a tier":  {"/lib/a", "same", "same"},
		"a tier":                    {"/disks/a", "", "bulk"},
		"two tiers, the usual one":  {"/nvme/a", "fast", "fast"},
		"two tiers, none usual":     {"/nvme/a", "", "also-fast"},
		"moved off the usual tier":  {"/disks/a", "fast", "bulk"},
		"a pool that is of no tier": {"/elsewhere/a", "fast", ""},
	} {
		if got, err := v.Tier(t.Context(), disk(c.path), c.usual); err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, c.want)
		}
	}
}

func TestTiersThatCannotBeHadAreFound(t *testing.T) {
	v, h := tiered(t)
	h.StopPool("disks")
	drives := []profile.Drive{
		{Name: "a"}, {Name: "b", Tier: "fast"}, {Name: "c", Tier: "bulk"}, {Name: "d", Tier: "gone"}, {Name: "e",
			Tier: "unknown"},
	}
	found, err := v.CheckTiers(t.Context(), drives)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		`storage_profile.disks["c"].storage_tier`: "Storage pool is not active",
		`storage_profile.disks["d"].storage_tier`: "Storage pool not found",
		`storage_profile.disks["e"].storage_tier`: "Storage tier not found",
	}
	for _, f := range found {
		if want[f.Path.String()] != f.Summary {
			t.Errorf("found %v", f)
		}
		delete(want, f.Path.String())
	}
	if len(want) > 0 {
		t.Errorf("nothing was found at %v", want)
	}
}

// An instance's volumes are those with its names in each of its pools, and those that the host has
// put beside them.
func TestAllVolumesOfAnInstanceAreRemoved(t *testing.T) {
	v, h := tiered(t)
	ctx := t.Context()
	for pool, names := range map[string][]string{
		"lib": {"nova.disk.t1.web.system.qcow2", "nova.seed.t1.web.iso", "nova.console.t1.web.log",
			"nova.console.t1.web.log.0", "nova.disk.t1.web-2.system.qcow2", "nova.base.x"},
		"nvme": {"nova.disk.t1.web.data.qcow2", "nova.disk.t2.web.data.qcow2"},
	} {
		for _, name := range names {
			if _, err := h.CreateVolume(ctx, pool, host.VolumeSpec{
				Name: name, Format: "raw", Capacity: 1,
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	pools := []string{"lib", "nvme", "removed"}
	listed, err := v.List(ctx, "t1", "web", pools)
	if err != nil || len(listed["lib"]) != 4 || len(listed["nvme"]) != 1 {
		t.Errorf("listed %q, %v", listed, err)
	}
	for range 2 { // a volume that is gone already is not an error
		if err := v.RemoveAll(ctx, "t1", "web", pools); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.DeleteAll(ctx, listed); err != nil {
		t.Errorf("what is gone: %v", err)
	}
	for pool, want := range map[string]int{"lib": 2, "nvme": 1} {
		if left, err := h.VolumeNames(ctx, pool); err != nil || len(left) != want {
			t.Errorf("in %s there are left %q, %v", pool, left, err)
		}
	}
	if err := v.Remove(ctx, "lib", "nova.seed.t1.web.iso"); err != nil {
		t.Errorf("a volume that is gone: %v", err)
	}
}

// Without the library's pool, nothing is known about an instance's volumes.
func TestALibraryWithoutItsPoolIsAnError(t *testing.T) {
	h := fakehost.New()
	v := New(h, inventory.New(h), "lib", nil)
	if err := v.RemoveAll(t.Context(), "t1", "web", []string{"lib"}); !errors.Is(err, host.ErrNoPool) {
		t.Errorf("got %v", err)
	}
}

func TestAVolumeThatCannotGoIsAnError(t *testing.T) {
	v, h := tiered(t)
	if _, err := h.CreateVolume(
		t.Context(), "lib", host.VolumeSpec{Name: "nova.disk.t1.web.a.raw", Format: "raw", Capacity: 1},
	); err != nil {
		t.Fatal(err)
	}
	h.Inject = func(c fakehost.Call) fakehost.Fault {
		if c.Method == "DeleteVolume" {
			return fakehost.Fault{Before: host.ErrOperationInvalid}
		}
		return fakehost.Fault{}
	}
	for name, err := range map[string]error{
		"one":  v.Remove(t.Context(), "lib", "nova.disk.t1.web.a.raw"),
		"all":  v.RemoveAll(t.Context(), "t1", "web", []string{"lib"}),
		"list": v.DeleteAll(t.Context(), map[string][]string{"lib": {"nova.disk.t1.web.a.raw"}}),
	} {
		if !errors.Is(err, host.ErrOperationInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheVolumeOfADiskIsReadFromItsPool(t *testing.T) {
	v, h := tiered(t)
	if _, err := h.CreateVolume(
		t.Context(), "nvme", host.VolumeSpec{Name: "a", Format: "qcow2", Capacity: 1 << 30},
	); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Volume(t.Context(), disk("/nvme/a")); err != nil || got.Pool != "nvme" || got.Capacity != 1<<30 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := v.Volume(t.Context(), disk("/nvme/b")); !errors.Is(err, host.ErrNoVolume) {
		t.Errorf("without a volume: %v", err)
	}
	if _, err := v.Volume(t.Context(), disk("/elsewhere/b")); err == nil || errors.Is(err, host.ErrNoVolume) {
		t.Errorf("without a pool: %v", err)
	}
}
