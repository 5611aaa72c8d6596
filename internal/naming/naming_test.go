package naming

import (
	"slices"
	"strings"
	"testing"
)

func TestNamesTellWhatAVolumeIs(t *testing.T) {
	stem := NewBaseStem()
	image, again := Base(stem, 1, "qcow2"), Base(stem, 2, "qcow2")
	disk, seed, console, clock := Disk("shop", "web", "system", "qcow2"), Seed("shop", "web"), Console("shop", "web"),
		NewClock("shop", "0f-7-9")
	warm := NewWarmStem()
	parts := []string{WarmDisk(warm), WarmMemory(warm), WarmSeed(warm), WarmConsole(warm)}
	const snapshot = "nova.warm.0123abc.1.json"
	const base, foreign = "nova.base.0123abc.1.json", "snapshot.qcow2"
	all := append([]string{
		image, BlockMap(image), again, disk, seed, console, clock, base, foreign, snapshot,
	}, parts...)
	for name, c := range map[string]struct {
		is   func(string) bool
		want []string
	}{
		"novacron's":       {IsOwn, slices.DeleteFunc(slices.Clone(all), func(v string) bool { return v == foreign })},
		"a disk":           {IsDisk, []string{disk}},
		"a disk of shop":   {func(v string) bool { return IsDiskOf("shop", v) }, []string{disk}},
		"a disk of sho":    {func(v string) bool { return IsDiskOf("sho", v) }, nil},
		"a base":           {IsBase, []string{image, BlockMap(image), again}},
		"a snapshot's":     {func(v string) bool { return IsOfStem(warm, v) }, parts},
		"perhaps an image": {MayBeImage, []string{image, BlockMap(image), again, disk, clock, foreign}},
		"another tenant's": {func(v string) bool { return OtherTenant("bank", v) },
			[]string{disk, seed, console, clock}},
		"other than shop's": {func(v string) bool { return OtherTenant("shop", v) }, nil},
		"a clock":           {IsClock, []string{clock}},
		"of a snapshot":     {IsWarm, parts},
		"a snapshot's disk": {IsWarmDisk, parts[:1]},
		"of the stem": {
			func(v string) bool { return IsOfStem(stem, v) }, []string{image, BlockMap(image), again},
		},
	} {
		if got := slices.DeleteFunc(slices.Clone(all), func(v string) bool {
			return !c.is(v)
		}); !slices.Equal(got, c.want) {
			t.Errorf("%s are %q, want %q", name, got, c.want)
		}
	}
	if mark, none := ClockMark(clock), ClockMark(NewClock("shop", "")); mark != "0f-7-9" || none != "" ||
		ClockMark(disk) != "" {
		t.Errorf("the process of %s is %q, and without one %q", clock, mark, none)
	}
	for _, part := range append(parts, warm) {
		if got := WarmStem(part); got != warm {
			t.Errorf("%s is a part of %s, want %s", part, got, warm)
		}
	}
	if image == again || BaseOf(BlockMap(image)) != image || BaseOf(image) != image {
		t.Errorf("%s and %s are not told apart, or %s is not of the first", image, again, BlockMap(image))
	}
}

// An earlier provider does not see containers, and removes what it takes for the remains of a machine.
func TestContainersHaveNoNamesOfMachines(t *testing.T) {
	const tenant, instance = "shop", "web"
	prefixes := InstancePrefixes(tenant, instance)
	for _, volume := range []string{
		Status(tenant, instance), Configuration(tenant, instance), Log(tenant, instance),
		ContainerDisk(tenant, instance, 'd', "data"),
	} {
		for _, kind := range []string{"disk", "seed", "console"} {
			if strings.HasPrefix(volume, "nova."+kind+"."+tenant+"."+instance+".") {
				t.Errorf("%s is named like the %s of a machine", volume, kind)
			}
		}
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%s is not removed with its container", volume)
		}
		if !OtherTenant("bank", volume) || OtherTenant(tenant, volume) {
			t.Errorf("%s is not known as tenant %s's", volume, tenant)
		}
	}
	for _, volume := range []string{
		Status(tenant, instance), Configuration(tenant, instance), Log(tenant, instance),
	} {
		if MayBeImage(volume) {
			t.Errorf("%s may be an image", volume)
		}
	}
}

func TestDomainsCarryTheirTenant(t *testing.T) {
	for _, c := range []struct{ tenant, instance, want string }{
		{DefaultTenant, "web", "web"},
		{"shop", "web", "shop.web"},
	} {
		name := Domain(c.tenant, c.instance)
		if name != c.want {
			t.Errorf("%s of %s is called %s, want %s", c.instance, c.tenant, name, c.want)
		}
		for _, tenant := range []string{DefaultTenant, "shop", "bank", "sho"} {
			if got := IsDomainOf(tenant, name); got != (tenant == c.tenant) {
				t.Errorf("%s is a name of tenant %s: %t", name, tenant, got)
			}
		}
	}
	if IsDomainOf("shop", "shop.web.old") {
		t.Error("no instance of shop is called web.old")
	}
}
