//go:build linux

package faults_test

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// containerOperations are those with containers. root is a root file system, and newer is another one.
func containerOperations(unique, root, newer string) []operation {
	box := template(unique)
	box.HardwareProfile = &tfconfig.Hardware{MemoryMB: 48}
	box.Settings = append(box.Settings, `type = "container"`)
	box.Settings = append(box.Settings, `container = { command = ["/bin/sleep", "100000"] }`)
	rooted, next := version("1.0.0", root), version("1.1.0", newer)
	next.Label = "newer"
	shop := tfconfig.Render(box, rooted)
	two := shop + next.String()
	running := func(name string) string { return shop + instance(name).String() }
	reimaged := func(version tfconfig.Version) func(string) string {
		return func(name string) string {
			i := instance(name)
			i.OnVersionChange, i.Version = "reimage", version.Ref("version")
			return two + i.String()
		}
	}
	return []operation{{
		name:   "register a container's image",
		before: func(string) string { return box.String() }, config: func(string) string { return shop },
		domains: none, volumes: none, bases: 1, confirms: 4,
	}, {
		name:   "create a container",
		before: func(string) string { return shop }, config: running,
		domains: itself, volumes: boxOf, bases: 1, inits: 1, confirms: 1,
	}, {
		name:   "create a container with a copy of its image",
		before: func(string) string { return shop },
		config: func(name string) string {
			full := stopped(name)
			full.Strategy = "clone"
			return shop + full.String()
		},
		domains: itself, bases: 1, inits: 1, confirms: 1,
		volumes: func(name string) []string { return with(boxOf(name), containerDisk(name, 'b', "")) },
	}, {
		name:   "change a container",
		before: running,
		config: func(name string) string {
			i := instance(name)
			i.HardwareProfile = &tfconfig.Hardware{MemoryMB: 64}
			i.Container = &tfconfig.Container{Env: map[string]tfconfig.Value{"CHANGED": "yes"}}
			i.StorageProfile = &tfconfig.Storage{Disks: map[string]tfconfig.Disk{
				"system": {SizeGB: 11}, "data": {SizeGB: 1, MountPath: "/data"},
			}}
			return shop + i.String()
		},
		domains: itself, bases: 1, inits: 1,
		volumes: func(name string) []string { return with(boxOf(name), containerDisk(name, 'd', "data")) },
	}, {
		name:   "take another image as a container",
		before: reimaged(tfconfig.Version{}), config: reimaged(next),
		domains: itself, bases: 2, inits: 1,
		volumes: func(name string) []string {
			volumes := boxOf(name)
			volumes[slices.Index(volumes, containerDisk(name, 's', ""))] = containerDisk(name, 's', "1.1.0")
			slices.Sort(volumes)
			return volumes
		},
	}, {
		name:   "remove a container",
		before: running, config: func(string) string { return box.String() },
		domains: none, volumes: none,
	}}
}

// boxOf are the volumes of a container.
func boxOf(name string) []string {
	return with(nil, containerDisk(name, 's', ""), naming.Configuration(naming.DefaultTenant, name),
		naming.Status(naming.DefaultTenant, name), naming.Log(naming.DefaultTenant, name))
}

// containerDisk is the volume of a disk of a container: kind/container says which letter is which.
func containerDisk(name string, letter byte, of string) string {
	return naming.ContainerDisk(naming.DefaultTenant, name, letter, of)
}

func with(volumes []string, more ...string) []string {
	volumes = append(volumes, more...)
	slices.Sort(volumes)
	return volumes
}
