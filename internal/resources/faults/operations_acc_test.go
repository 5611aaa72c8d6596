//go:build linux

package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// operation is something that Terraform does, and that is disturbed.
type operation struct {
	name   string
	before func(name string) string // the configuration that is applied first; of a case that has that name
	config func(name string) string // the one whose application is disturbed
	// what has to be there in the end, beside documents
	domains, volumes func(name string) []string
	bases            int
	confirms         int // steps at the end that only note that Terraform has heard of it
}

func operations(unique, image, changed string) []operation {
	shop := template(unique) + version("1.0.0", image)
	running := func(name string) string { return shop + instance(name, `autostart = true`) }
	two := shop + strings.Replace(version("1.1.0", image), `"it"`, `"newer"`, 1)
	onTop := shop + strings.Replace(strings.Replace(version("1.1.0", changed), `"it"`, `"newer"`, 1),
		"template_id ", "parent_version = novacron_template_version.it.version\n  template_id ", 1)
	reimaged := func(version string) func(string) string {
		return func(name string) string {
			off := instance(name, `power_state = "stopped"`, `on_version_change = "reimage"`)
			return two + strings.Replace(off, "novacron_template_version.it", "novacron_template_version."+version, 1)
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
			return shop + instance(name, `strategy = "clone"`, `power_state = "stopped"`)
		},
		domains: itself, volumes: disk, bases: 1, confirms: 1,
	}, {
		name:   "register a version",
		before: func(string) string { return template(unique) }, config: func(string) string { return shop },
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
			return shop + instance(name, `description = "changed"`, `labels = { changed = "yes" }`, `autostart = false`,
				`storage_profile = { disks = { system = { size_gb = 1 } } }`)
		},
		domains: itself, volumes: disk, bases: 1,
	}, {
		name:   "take another version by a new system disk",
		before: reimaged("it"), config: reimaged("newer"),
		domains: itself, bases: 1,
		volumes: func(name string) []string {
			volumes := disk(name)
			volumes[1] = strings.Replace(volumes[1], ".system.", ".system.1.1.0.", 1)
			return volumes
		},
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
	return []string{"nova.console.default." + name + ".log", "nova.disk.default." + name + ".system.qcow2", "nova.seed.default." + name + ".iso"}
}

func template(name string) string {
	return fmt.Sprintf(`
resource "novacron_template" "it" {
  name             = %q
  hardware_profile = { memory_mb = 64 }
}
`, name)
}

func version(number, image string) string {
	return fmt.Sprintf(`
resource "novacron_template_version" "it" {
  template_id = novacron_template.it.id
  version     = %q
  source      = { path = %q }
}
`, number, image)
}

// instance is one that no guest runs in: it hears nobody, so that it has a short time to shut down.
func instance(name string, settings ...string) string {
	return fmt.Sprintf(`
resource "novacron_instance" "it" {
  name        = %q
  template_id = novacron_template.it.id
  version     = novacron_template_version.it.version
  wait_for    = []
  %s
  timeouts {
    delete = "1s"
  }
}
`, name, strings.Join(settings, "\n  "))
}
