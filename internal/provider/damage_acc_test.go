package provider_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfconfig"
	"github.com/novacron/terraform-provider-novacron/internal/catalogcmd"
)

// damagedSite is a pool with an instance of a version of a template, and a workspace whose state
// has all of them.
type damagedSite struct {
	*tfacc.Workspace
	host      *acctest.Host
	pool, dir string                                  // dir from outside
	config    func(description tfconfig.Value) string // of the library
	domain    string
}

func newDamagedSite(t *testing.T, host *acctest.Host) damagedSite {
	t.Helper()
	name := tfacc.Name("damage")
	pool, dir := host.Pool(t, name)
	image := tfacc.EmptyImage(t, "16M")
	config := func(description tfconfig.Value) string {
		t := tfconfig.Template{
			Name: name, Description: description,
			HardwareProfile: &tfconfig.Hardware{CPUCores: 1, MemoryMB: 64},
		}
		v := tfconfig.Release("1.0.0", image).Of(t)
		return tfconfig.Render(tfconfig.Provider{Pool: pool}, t, v, tfconfig.Instance{
			Name: name, PowerState: "stopped",
			StorageProfile: &tfconfig.Storage{Disks: map[string]tfconfig.Disk{"data": {SizeGB: 1}}},
		}.Of(t, v))
	}
	d := damagedSite{tfacc.NewWorkspace(t, config(nil)), host, pool, host.HostPath(dir), config, name}
	d.Setenv("NOVACRON_URI", host.URI)
	d.Apply(t)
	t.Cleanup(func() { d.Destroy(t) })
	return d
}

// volumes are the volumes of a kind of document, oldest first.
func (d damagedSite) volumes(t *testing.T, kind string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(d.dir, "nova."+kind+".*.json"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("%q, %v: want two revisions", paths, err)
	}
	return paths
}

// spoil changes what volumes hold, and returns what puts it back.
func spoil(t *testing.T, paths []string, damage func([]byte) []byte) (undo func()) {
	t.Helper()
	undo = func() {}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, damage(bytes.Clone(data)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		before := undo
		undo = func() {
			before()
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return undo
}

func flip(data []byte) []byte {
	data[bytes.IndexByte(data, '\n')+20] ^= 4 // in the body: volumes end in zeros that are never read
	return data
}

func (d damagedSite) repair(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	args = append([]string{"repair", "--uri", d.host.URI, "--pool", d.pool}, args...)
	if got := catalogcmd.Run(t.Context(), args, &out, &out); got != want {
		t.Fatalf("catalog %q: exit %d, want %d:\n%s", args, got, want, &out)
	}
	return out.String()
}

// A document that exists and cannot be read is an error that names its volumes: nothing is created
// again, and nothing is destroyed.
func TestAccADamagedDocumentDestroysNothing(t *testing.T) {
	d := newDamagedSite(t, acctest.RequireHost(t))
	t.Parallel()
	disks := d.host.Virsh(t, "domblklist", d.domain)
	damages := map[string]func([]byte) []byte{
		"flipped": flip, "zeroed": func(data []byte) []byte {
			return make([]byte, len(data))
		}, "emptied": func([]byte) []byte { return nil },
	}
	for name, damage := range damages {
		for _, kind := range []string{"template", "version", "base"} {
			if name != "flipped" && kind != "template" {
				continue
			}
			paths := d.volumes(t, kind)
			undo := spoil(t, paths, damage)
			out := d.Fails(t, "apply", "-auto-approve")
			tfacc.Says(t, out, filepath.Base(paths[1]), filepath.Base(paths[0]), "catalog repair --pool "+d.pool)
			if strings.Contains(out, "must be replaced") || strings.Contains(out, "will be created") {
				t.Errorf("%s documents %s: it plans\n%s", kind, name, out)
			}
			undo()
		}
	}
	if now := d.host.Virsh(t, "domblklist", d.domain); now != disks {
		t.Errorf("the instance has the disks\n%s\nwhere it had\n%s", now, disks)
	}
	d.EmptyPlan(t)
}

// If the revision before it is whole, that one is read, and the plan says so. Nothing is written
// until it is restored.
func TestAccAnOlderRevisionStandsInAndIsRestored(t *testing.T) {
	d := newDamagedSite(t, acctest.RequireHost(t))
	t.Parallel()
	for _, description := range []string{"once", "twice"} { // so that both revisions have all that there is
		d.Configure(t, d.config(description))
		d.Apply(t)
	}
	d.Configure(t, d.config("once"))
	paths := d.volumes(t, "template")
	newest := slices.MaxFunc(paths, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	spoil(t, []string{newest}, flip)

	out, err := d.Run(t.Context(), "plan", "-detailed-exitcode")
	if err != nil {
		t.Errorf("the plan differs: %v", err)
	}
	tfacc.Says(t, out, "Catalog is damaged", filepath.Base(newest), "was read in its place",
		"catalog repair --pool "+d.pool, "--uri", "--yes")
	d.Configure(t, d.config("thrice"))
	tfacc.Says(t, d.Fails(t, "apply", "-auto-approve"), "Could not update template", filepath.Base(newest),
		"catalog repair --pool "+d.pool, "--uri", "--yes")

	keep := t.TempDir()
	tfacc.Says(t, d.repair(t, 1), filepath.Base(newest), "its checksum differs", "is whole: it holds 1 records", "1 of")
	tfacc.Says(t, d.repair(t, 0, "--yes", "--keep", keep), "restored from volume", filepath.Base(newest)+".damaged")
	tfacc.Says(t, d.repair(t, 0), "documents are whole")
	if kept, err := os.ReadFile(filepath.Join(keep, filepath.Base(newest)+".damaged")); err != nil || len(kept) == 0 {
		t.Errorf("kept %d bytes, %v", len(kept), err)
	}
	d.Configure(t, d.config("once"))
	d.EmptyPlan(t)
	d.Configure(t, d.config("thrice"))
	d.Apply(t)
	d.EmptyPlan(t)
}

// Metadata of a domain that cannot be read are an error that names it: its instance is not taken
// for a missing or a foreign one, and what it may depend on is not removed. The test has its own
// host, because nothing can be removed on it meanwhile.
func TestAccDamagedMetadataAreNotMissing(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	d := newDamagedSite(t, shared.Own(t, "metadata"))
	dump := d.host.Virsh(t, "dumpxml", "--inactive", d.domain)
	define := func(text string) {
		path := filepath.Join(d.host.HostPath("/var/lib/libvirt"), d.domain+".xml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
		d.host.Virsh(t, "define", "/var/lib/libvirt/"+d.domain+".xml")
	}
	damaged := strings.Replace(dump, "<name>"+d.domain+"</name>", "<NAME>"+d.domain+"</NAME>", 2)
	damaged = strings.Replace(damaged, "<NAME>", "<name>", 1)
	damaged = strings.Replace(damaged, "</NAME>", "</name>", 1)
	if !strings.Contains(damaged, "<NAME>") {
		t.Fatalf("there is no name among the metadata:\n%s", dump)
	}
	define(damaged)
	for _, command := range [][]string{
		{"plan"}, {"apply", "-auto-approve"}, {"destroy", "-auto-approve"},
		{"destroy", "-auto-approve", "-refresh=false"},
		{"destroy", "-auto-approve", "-refresh=false", "-target=novacron_template_version.it"},
	} {
		tfacc.Says(t, d.Fails(t, command...), fmt.Sprintf("omain %q", d.domain), "metadata are damaged")
	}
	define(dump)
	d.EmptyPlan(t)
}
