package naming

import (
	"slices"
	"strings"
	"testing"
)

// The kernel keeps 63 bytes of the path of a file behind a loop device, and libvirt refuses a longer one.
func TestDisksOfContainersHaveShortNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, of := range []string{"", "data", long} {
		name := ContainerDisk(long, long, 'd', of)
		if len(name) > MaxContainerDisk || len("/var/lib/libvirt/novacron/"+name) > MaxMounted {
			t.Errorf("%q has %d bytes", name, len(name))
		}
	}
	if base := Base(NewBaseStem(), 9, "raw"); len("/var/lib/libvirt/novacron/"+base) > MaxMounted {
		t.Errorf("%q has %d bytes", base, len(base))
	}
}

func TestDisksOfContainersAreTheirTenants(t *testing.T) {
	mine := ContainerDisk("shop", "web", 'd', "data")
	if !IsOwn(mine) || !IsDisk(mine) || !IsDiskOf("shop", mine) || IsDiskOf("bank", mine) ||
		OtherTenant("shop", mine) || !OtherTenant("bank", mine) {
		t.Errorf("%q is not told apart", mine)
	}
	has := func(tenant, instance string) bool {
		return slices.ContainsFunc(InstancePrefixes(tenant, instance), func(prefix string) bool {
			return strings.HasPrefix(mine, prefix)
		})
	}
	if !has("shop", "web") || has("shop", "web2") || has("bank", "web") {
		t.Errorf("%q is not among the volumes of its instance alone", mine)
	}
	for _, other := range []string{
		ContainerDisk("shop", "web", 's', ""), ContainerDisk("shop", "web", 'd', "more"),
		ContainerDisk("shop", "db", 'd', "data"), ContainerDisk("bank", "web", 'd', "data"),
	} {
		if other == mine {
			t.Errorf("two disks have the name %q", mine)
		}
	}
}

func TestVolumesOfContainersAreNoImages(t *testing.T) {
	for _, volume := range []string{
		Configuration("t", "i"), Status("t", "i"), Init(strings.Repeat("0", 64), "amd64", 2),
	} {
		if MayBeImage(volume) || !IsOwn(volume) {
			t.Errorf("%q may be an image, or is not novacron's", volume)
		}
	}
	program := Init("0", "arm64", 1)
	if !IsInit(program) || OtherTenant("t", program) || program != "nova.init.0.arm64" {
		t.Errorf("nova-init is %q", program)
	}
	if _, _, is := ParseDocument(Configuration("t", "web")); is {
		t.Error("what a container is told is a document of the catalog")
	}
}
