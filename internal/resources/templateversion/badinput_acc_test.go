package templateversion_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// bootable returns the start of a raw disk with a boot sector.
func bootable() []byte {
	sector := make([]byte, 512)
	copy(sector[510:], "\x55\xaa")
	return sector
}

// The plan reports every mistake that can already be known, at the line with the mistake.
func TestAccBadVersionIsRefusedWhilePlanning(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("bad")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	image, large, dir := tfacc.EmptyImage(t, "16M"), tfacc.EmptyImage(t, "1500M"), t.TempDir()
	var zipped bytes.Buffer
	if z := gzip.NewWriter(&zipped); true {
		_, _ = z.Write(append(append(make([]byte, 257), "ustar"...), make([]byte, 762)...))
		_ = z.Close()
	}
	gz := writeFile(t, filepath.Join(dir, "disks.img"), zipped.Bytes())
	text := writeFile(t, filepath.Join(dir, "notes.img"), []byte("this is not an image\n"))
	empty := writeFile(t, filepath.Join(dir, "empty.img"), nil)
	damaged := writeFile(t, filepath.Join(dir, "damaged.qcow2"), readFile(t, image)[:100])
	claims := bytes.Clone(readFile(t, image))
	binary.BigEndian.PutUint64(claims[24:], 2<<60) // the virtual size that the image claims
	endless := writeFile(t, filepath.Join(dir, "endless.qcow2"), claims)
	sparse := writeFile(t, filepath.Join(dir, "sparse.img"), bootable())
	if err := os.Truncate(sparse, 10<<40); err != nil {
		t.Fatal(err)
	}
	shop := library(pool, name, `storage_profile = { disks = { system = { size_gb = 1 } } }`) +
		version("there", "1.0.0", fromPath(image))
	w := tfacc.NewWorkspace(t, shop)
	t.Cleanup(func() {
		w.Configure(t, shop) // destroy needs a valid configuration
		w.Destroy(t)
	})
	w.Apply(t)
	onHost := host.HostPath(directory)
	writeFile(t, filepath.Join(onHost, "notes"), readFile(t, text))
	if out, err := exec.Command(
		"qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", filepath.Join(onHost, "overlay"),
	).CombinedOutput(); err != nil {
		t.Fatalf("making an overlay: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		for _, name := range []string{"notes", "overlay"} {
			if err := os.Remove(filepath.Join(onHost, name)); err != nil {
				t.Error(err)
			}
		}
	})
	const at, unusable, invalid = `resource "novacron_template_version" "it":`, "Could not use image",
		"Invalid image source"
	it := func(source string, settings ...string) string { return version("it", "2.0.0", source, settings...) }
	of := func(template, number string) string {
		return fmt.Sprintf("resource \"novacron_template_version\" \"it\" {\n  template_id = %q\n  version = %q\n  "+
			"source = { path = %q }\n}\n", template, number, image)
	}
	refusals := w.Refusals(shop)
	for _, c := range []struct {
		mistake, config string
		says            []string
	}{
		{
			"missing file", it(fromPath("/nowhere/disk.qcow2")),
			[]string{
				unusable, at, "source", "Opening /nowhere/disk.qcow2: no such file or directory. Check the path: the " +
					"file must be on the machine that runs Terraform",
			},
		},
		{"URL for a path", it(fromPath("https://user:secret@example.org/disk.qcow2")),
			[]string{"Invalid image source", at, "path is a URL. Use url for an image on a web server"}},
		{
			"directory", it(fromPath(dir)), []string{
				unusable, at, "Opening " + dir + ": it is not a regular file: it is a directory. Use the path of " +
					"an image file",
			},
		},
		{
			"text", it(fromPath(text)), []string{
				unusable, at, `it is a text that begins with "this is not an image\n". Open it`,
			},
		},
		{
			"archive", it(fromPath(gz)), []string{
				unusable, at, "it is compressed with gzip, and inside it is a tar archive", "Unpack an OVA appliance",
			},
		},
		{"empty file", it(fromPath(empty)), []string{unusable, at, "it is empty"}},
		{
			"disk that no clone can have", it(fromPath(endless)),
			[]string{unusable, at, "its disk would have 2305843009213693952 bytes, and a linked clone has"},
		},
		{
			"larger than the pool", it(fromPath(sparse)),
			[]string{unusable, at, "Storing " + sparse + ": it has 10485760 MiB, and the pool", "Use another pool"},
		},
		{"damaged", it(fromPath(damaged)), []string{unusable, at, "damaged.qcow2 is not a usable disk image"}},
		{"path and url", it(fromPath(image) + `, url = "http://127.0.0.1:1/a"`),
			[]string{invalid, at, "path and url are given. Keep the one to read the image from"}},
		{"neither path nor url", it(``), []string{invalid, at, "no source is given"}},
		{
			"empty path", it(`path = ""`), []string{
				invalid, at, "source", "no source is given. Set one of path, url, volume and instance_id",
			},
		},
		{
			"url of no web server", it(`url = "ftp://127.0.0.1/a"`),
			[]string{invalid, at, "source", "scheme is not http or https"},
		},
		{
			"volume without its pool", it(`volume = "disk.qcow2"`),
			[]string{invalid, at, "it does not name a pool and a volume in it. Write it as POOL/VOLUME"},
		},
		{"pool that is not there", it(`volume = "nowhere/disk.qcow2"`),
			[]string{unusable, at, "no storage pool", "The host has the pools"}},
		{"volume that is not there", it(`volume = "` + pool + `/nope"`),
			[]string{unusable, at, "Opening volume " + pool + "/nope", "See what there is with virsh vol-list " +
				pool}},
		{"volume that is no image", it(`volume = "` + pool + `/notes"`),
			[]string{unusable, at, pool + "/notes is not a usable disk image: it is a text"}},
		{"volume that stands on another", it(`volume = "` + pool + `/overlay"`),
			[]string{unusable, at, "it is an overlay on the backing file", "qemu-img convert"}},
		{
			"instance by name", it(`instance_id = "default/web"`),
			[]string{invalid, at, "it is not a UUID. Take it from novacron_instance.NAME.id"},
		},
		{"instance that is not there", it(`instance_id = "01234567-89ab-cdef-0123-456789abcdef"`),
			[]string{unusable, at, "Finding the system disk of instance 01234567"}},
		{"headers without url", it(fromPath(image) + `, headers = { Authorization = "hunter2" }`),
			[]string{invalid, at, "headers are sent with requests for a url"}},
		{
			"checksum", it(fromPath(image) + `, checksum = "abc"`),
			[]string{
				at, "source", `Reading the checksum "abc": it does not name its algorithm. Write it as sha256:HEX`,
			},
		},
		{"larger than the template's disk", it(fromPath(large)), []string{"Disk smaller than image", at,
			`The image's disk is 1.465 GiB and does not fit on one of 1 GiB: set size_gb to at least 2`}},
		{"larger than its own disk", it(fromPath(large), `storage_profile = { disks = { root = { size_gb = 1 } } }`),
			[]string{"Disk smaller than image", at,
				"storage_profile", `disks["root"].size_gb: Disk "root": The image's disk is 1.465 GiB`}},
		{"profile", it(fromPath(image), `hardware_profile = { memory_mb = 1 }`),
			[]string{"Value out of range", at, "hardware_profile.memory_mb: 1 is not between"}},
		{
			"no version", version("it", "newest", fromPath(image)),
			[]string{"Invalid value", at, `"newest" is not a semantic version: write it as 1.0.0`},
		},
		{
			"short version", version("it", "1.0", fromPath(image)),
			[]string{"Invalid value", at, `"1.0" is not written in full: write it as 1.0.0`},
		},
		{
			"unknown template", of("default/nope", "1.0.0"),
			[]string{
				"Template not found", at, `template_id = "default/nope"`, `has no template "default/nope"`,
				"Check the name and the tenant",
			},
		},
		{
			"not a template id", of("nope", "1.0.0"),
			[]string{"Invalid value", at, `"nope" is not a template id: write it as tenant/name`},
		},
	} {
		refusals.Add(c.mistake, c.config, c.says...)
	}
	refusals.Check(t)
	w.OwnProcess() // the provider then runs in Terraform's directory
	w.Configure(t, shop+it(fromPath("disk.qcow2")))
	tfacc.Says(t, w.Fails(t, "plan"), unusable, at,
		"Opening disk.qcow2: no such file or directory. It was expected at "+w.Dir)
	w.Configure(t, shop)
	w.EmptyPlan(t)

	alone := tfacc.NewWorkspace(t, "")
	for _, c := range []struct {
		mistake, provider string
		says              []string
	}{
		{
			"existing version", tfacc.Provider(pool),
			[]string{"Version already exists", at, `version = "1.0.0"`, `Template "default/` + name +
				`" has a version 1.0.0 already`, "choose a higher one"},
		},
		{
			"unknown pool", tfacc.Provider(name + "-not"),
			[]string{
				"Storage pool not found", `has no storage pool "` + name + `-not". It has: `, name, "Define the pool",
			},
		},
		{"unreachable host", "provider \"novacron\" {\n  uri = " +
			"\"qemu+unix:///system?socket=/nowhere/libvirt-sock\"\n}\n",
			[]string{
				"Could not read template", "the host is unreachable: connecting to " +
					"qemu+unix:///system?socket=/nowhere/libvirt-sock", "Check the provider's uri",
			}},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			alone.Configure(t, c.provider+of("default/"+name, "1.0.0"))
			tfacc.Says(t, alone.Fails(t, "apply", "-auto-approve"), c.says...)
		})
	}
}

// If a linked clone depends on a version, destroying the version fails and changes nothing.
func TestAccVersionInUseStays(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("inuse")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	w := tfacc.NewWorkspace(t, library(pool, name, `access_control = { use_tenants = ["team-2"] }`)+
		version("it", "1.0.0", fromPath(tfacc.EmptyImage(t, "16M"))))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	// The clone is in another configuration, so Terraform does not know which of the two to destroy
	// first.
	user := tfacc.NewWorkspace(t, tfacc.Provider(pool)+fmt.Sprintf(`
resource "novacron_instance" "it" {
  name        = %q
  template_id = "default/%s"
  power_state = "stopped"
}
`, name, name))
	user.Setenv("NOVACRON_TENANT", "team-2")
	user.Apply(t)
	t.Cleanup(func() { user.Destroy(t) })
	for range 2 { // a second attempt is refused, too
		tfacc.Says(t, w.Fails(t, "destroy", "-auto-approve", "-target="+address), "Could not delete version",
			`Version "default/`+name+`@1.0.0" cannot be removed: these instances or volumes need its base image: 1 `+
				`of other tenants.`, "Destroy them first", "Nothing was changed")
	}
	if found := bases(t, host, directory); len(found) != 1 {
		t.Errorf("the pool has the images %q", found)
	}
	w.EmptyPlan(t)
	user.EmptyPlan(t)
}

// attribute returns the value of an attribute in the output of terraform state show.
func attribute(shown, name string) string {
	for line := range strings.Lines(shown) {
		if key, value, _ := strings.Cut(line, "="); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
