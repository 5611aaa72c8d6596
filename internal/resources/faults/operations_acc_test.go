//go:build linux

package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/novainit"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// operation is something that Terraform does, and that is disturbed.
type operation struct {
	name   string
	before func(name string) string // the configuration that is applied first, for a case with that name
	config func(name string) string // the one whose application is disturbed
	// what must exist in the end, beside documents
	domains, volumes func(name string) []string
	bases            int
	snapshots        int // volumes of warm snapshots
	inits            int // volumes of process 1 of containers
	// again: the apply is repeated in any case, because a fault may end in a warning
	again    bool
	confirms int // steps at the end that only record that Terraform has received the responses
}

func operations(unique string, from sources) []operation {
	return slices.Concat(machineOperations(unique, from.image, from.changed, from.tiny),
		containerOperations(unique, from.root, from.newer))
}

// sources are the files that operations make versions of: disks, of which changed differs a little from image, and
// root file systems.
type sources struct{ image, changed, tiny, root, newer string }

func newSources(t *testing.T) sources {
	return sources{
		image: tfacc.EmptyImage(t, "16M"), changed: changedImage(t), tiny: acctest.TinyImage(t),
		root:  novainit.Root(t, map[string]string{"usr/large": string(imagetest.RawDisk(5 << 20))}),
		newer: novainit.Root(t, map[string]string{"etc/release": "1.1.0"}),
	}
}

func machineOperations(unique, image, changed, tiny string) []operation {
	shop := tfconfig.Render(template(unique), version("1.0.0", image))
	running := func(name string) string {
		i := instance(name)
		i.Autostart = true
		return shop + i.String()
	}
	newer, differing := version("1.1.0", image), version("1.1.0", changed)
	newer.Label, differing.Label = "newer", "newer"
	differing.ParentVersion = tfconfig.Version{}.Ref("version")
	checked := version("1.0.0", image)
	checked.Source.Checksum = tfconfig.Expr(fmt.Sprintf("format(\"sha256:%%s\", filesha256(%q))", image))
	guest := tfconfig.Release("1.0.0", tiny).Of(tfconfig.Template{})
	machine := template(unique)
	machine.HardwareProfile.MemoryMB = 128
	cold := tfconfig.Render(machine, guest)
	guest.Warm = &tfconfig.Warm{SettleSeconds: 0}
	warm := tfconfig.Render(machine, guest)
	resumed := func(name string) string {
		i := instance(name)
		i.Strategy = "instantiate"
		return warm + i.String()
	}
	two, onTop := shop+newer.String(), shop+differing.String()
	reimaged := func(version tfconfig.Version) func(string) string {
		return func(name string) string {
			off := stopped(name)
			off.OnVersionChange, off.Version = "reimage", version.Ref("version")
			return two + off.String()
		}
	}
	return []operation{{
		name:   "create a linked clone",
		before: func(string) string { return shop }, config: running,
		domains: itself, volumes: disk, bases: 1, confirms: 1,
	}, {
		name:   "create a full clone",
		before: func(string) string { return shop },
		config: func(name string) string {
			full := stopped(name)
			full.Strategy = "clone"
			return shop + full.String()
		},
		domains: itself, volumes: disk, bases: 1, confirms: 1,
	}, {
		name:   "register a version",
		before: func(string) string { return template(unique).String() }, config: func(string) string { return shop },
		domains: none, volumes: none, bases: 1, confirms: 4,
	}, {
		name:    "register a version with a checksum",
		before:  func(string) string { return template(unique).String() },
		config:  func(string) string { return tfconfig.Render(template(unique), checked) },
		domains: none, volumes: none, bases: 1, confirms: 4,
	}, {
		name:   "register a version that holds what differs",
		before: func(string) string { return shop }, config: func(string) string { return onTop },
		domains: none, volumes: none, bases: 2, confirms: 4,
	}, {
		name:   "remove a version that holds what differs",
		before: func(string) string { return onTop }, config: func(string) string { return shop },
		domains: none, volumes: none, bases: 1,
	}, {
		name:   "change an instance",
		before: running,
		config: func(name string) string {
			i := instance(name)
			i.Description, i.Labels, i.Autostart = "changed", map[string]tfconfig.Value{"changed": "yes"}, false
			i.StorageProfile = &tfconfig.Storage{Disks: map[string]tfconfig.Disk{"system": {SizeGB: 1}}}
			return shop + i.String()
		},
		domains: itself, volumes: disk, bases: 1,
	}, {
		name:   "take another version by a new system disk",
		before: reimaged(tfconfig.Version{}), config: reimaged(newer),
		domains: itself, bases: 1,
		volumes: func(name string) []string {
			volumes := disk(name)
			volumes[1] = strings.Replace(volumes[1], ".system.", ".system.1.1.0.", 1)
			return volumes
		},
	}, {
		name:   "resume an instance",
		before: func(string) string { return warm }, config: resumed,
		domains: itself, volumes: disk, bases: 1, snapshots: 2, confirms: 1,
	}, {
		name:   "make a warm snapshot",
		before: func(string) string { return cold }, config: func(string) string { return warm },
		domains: none, volumes: none, bases: 1, snapshots: 2, again: true,
	}, {
		name:   "remove a resumed instance and its snapshot",
		before: resumed, config: func(string) string { return machine.String() },
		domains: none, volumes: none,
	}, {
		name:   "remove everything",
		before: running, config: func(string) string { return "" },
		domains: none, volumes: none,
	}}
}

// changedImage is an image of 16 MiB that differs from an empty one.
func changedImage(t *testing.T) string {
	t.Helper()
	disk := make([]byte, 16<<20)
	disk[510], disk[511] = 0x55, 0xaa
	copy(disk[8<<20:], "changed")
	path := filepath.Join(t.TempDir(), "changed.raw")
	if err := os.WriteFile(path, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func none(string) []string        { return nil }
func itself(name string) []string { return []string{name} }

func disk(name string) []string {
	return []string{"nova.console.default." + name + ".log", "nova.disk.default." + name +
		".system.qcow2", "nova.seed.default." + name + ".iso"}
}

func template(name string) tfconfig.Template {
	return tfconfig.Template{Name: name, HardwareProfile: &tfconfig.Hardware{MemoryMB: 64}}
}

// version is one of the template of the same configuration.
func version(number, image string) tfconfig.Version {
	return tfconfig.Release(number, image).Of(tfconfig.Template{})
}

// instance is an instance without a guest that can hear, so it has a short time to shut down. It
// uses the template and the version of the same configuration.
func instance(name string) tfconfig.Instance {
	return tfconfig.Instance{
		Name: name, WaitFor: []string{}, Timeouts: &tfconfig.Timeouts{Delete: "1s"},
	}.Of(tfconfig.Template{}, tfconfig.Version{})
}

// stopped is an instance that is not started.
func stopped(name string) tfconfig.Instance {
	i := instance(name)
	i.PowerState = "stopped"
	return i
}

// elsewhere is the id of a template that another configuration has.
func elsewhere(template string) string { return "default/" + template }
