package container

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// keepsNothing reports whether what a container writes stays in memory.
func keepsNothing(name catalog.Strategy) bool {
	of, err := strategy.Of(name)
	return err == nil && of.Resumes()
}

// build is a container that is being created, or given another image.
type build struct {
	*kind.Build
	driver *Driver
}

// Define implements kind.Driver.
func (d *Driver) Define(ctx context.Context, of *kind.Build) error {
	b := &build{of, d}
	of.UndoLater(func(ctx context.Context) error { // what there may be without a domain
		_, err := d.inits.collect(ctx, b.Pool)
		return err
	})
	program, err := d.inits.path(ctx, b.Pool)
	if err != nil {
		return err
	}
	p := partOf(b.Blueprint)
	if path := b.lowerPath(b.copyVolume()); len(path) > naming.MaxMounted {
		return &LongPathError{path}
	}
	description, _ := metadata.Described(b.Request.Description)
	spec := host.ContainerSpec{
		Name:        naming.Domain(b.Tenant, b.Request.Name),
		UUID:        b.UUID,
		Description: description,
		Init:        initTarget,
		VCPUs:       vcpus(p.machine),
		MemoryMiB:   p.machine.MemoryMiB,
		Filesystems: b.filesystems(program),
		Interfaces:  interfaces(b.Blueprint.NICs),
		Metadata:    b.Metadata,
	}
	return step.Uninterrupted(ctx, func(ctx context.Context) (err error) {
		of.Defined, err = d.containers.DefineContainer(ctx, spec)
		return err
	})
}

// LongPathError says that libvirt cannot mount a file, because its path is too long.
type LongPathError struct{ Path string }

func (e *LongPathError) Error() string {
	return fmt.Sprintf("libvirt cannot mount %q into a container, because its path has %d bytes, and the most is %d: "+
		"use a storage pool whose path is shorter", e.Path, len(e.Path), naming.MaxMounted)
}

// vcpus is how many processors' time a container gets.
func vcpus(m profile.Machine) int { return m.Sockets * m.Cores }

// filesystems are what is mounted into the container, in this order: of a file, the directory has to be
// there before.
func (b *build) filesystems(program string) []host.Filesystem {
	system := b.Blueprint.Drives[0]
	all := []host.Filesystem{
		{Kind: host.FilesystemImage, Source: b.upperPath(b.systemVolume()), Target: rootTarget},
		{Kind: host.FilesystemImage, Source: b.lowerPath(b.copyVolume()), Target: lowerTarget, ReadOnly: true},
	}
	if partOf(b.Blueprint).fresh {
		all = append(all, memory(system.Size))
	}
	for n, drive := range b.Blueprint.Drives[1:] {
		volume := diskVolume(b.Tenant, b.Request.Name, drive.Name)
		all = append(all, diskAt(drive.Name, volumePath(b.Homes[n+1].Path, volume)))
	}
	in := func(volume string) string { return volumePath(b.Pool.Path, volume) }
	return append(all,
		programAt(program),
		host.Filesystem{
			Kind: host.FilesystemFile, Source: in(naming.Configuration(b.Tenant, b.Request.Name)), Target: configTarget,
			ReadOnly: true,
		},
		host.Filesystem{
			Kind: host.FilesystemFile, Source: in(naming.Status(b.Tenant, b.Request.Name)), Target: statusTarget,
		},
		host.Filesystem{
			Kind: host.FilesystemFile, Source: in(naming.Log(b.Tenant, b.Request.Name)), Target: logTarget,
		},
	)
}

// memory is what a container writes to that keeps nothing.
func memory(size uint64) host.Filesystem {
	return host.Filesystem{Kind: host.FilesystemRAM, Target: memoryTarget, Size: size}
}

func diskAt(name, path string) host.Filesystem {
	return host.Filesystem{Kind: host.FilesystemImage, Source: path, Target: disksTarget + name}
}

func programAt(path string) host.Filesystem {
	return host.Filesystem{Kind: host.FilesystemFile, Source: path, Target: initTarget, ReadOnly: true}
}

// interfaces are the definitions of interfaces.
func interfaces(nics []profile.NIC) []host.InterfaceSpec {
	specs := make([]host.InterfaceSpec, len(nics))
	for n, nic := range nics {
		specs[n] = interfaceSpec(nic)
	}
	return specs
}

func interfaceSpec(nic profile.NIC) host.InterfaceSpec {
	spec := host.InterfaceSpec{
		Name: nic.Name, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC, Filter: nic.Filter,
	}
	for _, a := range nic.IP.Addresses {
		if a.Addr().Is4() {
			spec.FilterIPs = append(spec.FilterIPs, a.Addr().String())
		}
	}
	return spec
}

// systemVolume is the volume of a new instance's system disk.
func (b *build) systemVolume() string {
	return naming.ContainerDisk(b.Tenant, b.Request.Name, upperKind, "")
}

// copyVolume is the volume of a new instance's copy of the image, if it has one.
func (b *build) copyVolume() string {
	return naming.ContainerDisk(b.Tenant, b.Request.Name, copyKind, "")
}

func (b *build) upperPath(volume string) string { return volumePath(b.Homes[0].Path, volume) }

// lowerPath is where the image is: in the library, or in a copy of the instance's own.
func (b *build) lowerPath(own string) string {
	if b.Strategy.HoldsBase() {
		return b.Image.Volume.Path
	}
	return volumePath(b.Homes[0].Path, own)
}

// rootSize is the size of the volume that is mounted as the root. If the container keeps nothing, it
// only holds the places where the others are mounted.
func (b *build) rootSize() uint64 {
	if partOf(b.Blueprint).fresh {
		return ext4.MinUpper
	}
	return b.Blueprint.Drives[0].Size
}
