package templateversion_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
)

// run runs a program on the machine of the tests and returns its output.
func run(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}

// Whatever the compression and the kind of source, the stored image is the decompressed one.
func TestAccEveryCompressionIsStoredAsTheImageInside(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("packed")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	config := library(pool, name)
	want := map[string]bool{}
	number := 0
	add := func(source string) {
		number++
		config += version(fmt.Sprintf("v%d", number), fmt.Sprintf("1.%d.0", number), source, `verify = "full"`)
	}
	for _, tool := range []string{"gzip", "xz", "zstd", "bzip2"} {
		raw := append(readFile(t, rawImage(t, 1<<20)), make([]byte, 4<<20)...) // ends in zeros
		qcow := tfacc.EmptyImage(t, "32M")
		run(t, "qemu-io", "-c", "write -P 7 1M "+fmt.Sprint(len(want)+1)+"M", qcow)
		for kind, content := range map[string][]byte{"raw": raw, "qcow2": readFile(t, qcow)} {
			plain := writeFile(t, filepath.Join(t.TempDir(), kind), content)
			want[checksum(t, plain)] = true
			run(t, tool, "-k", plain)
			suffix := map[string]string{"gzip": ".gz", "xz": ".xz", "zstd": ".zst", "bzip2": ".bz2"}[tool]
			if kind == "raw" {
				add(fromPath(plain + suffix))
			} else {
				volume := tool + ".img"
				stored := filepath.Join(host.HostPath(directory), volume)
				writeFile(t, stored, readFile(t, plain+suffix))
				t.Cleanup(func() { _ = os.Remove(stored) })
				add(fmt.Sprintf("volume = %q, checksum = %q", pool+"/"+volume, checksum(t, plain+suffix)))
			}
		}
	}
	w := tfacc.NewWorkspace(t, config)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	w.EmptyPlan(t)
	stored := bases(t, host, directory)
	for _, path := range stored {
		if digest := checksum(t, path); !want[digest] {
			t.Errorf("%s is %s, which is no image that was compressed", path, digest)
		}
	}
	if len(stored) != len(want) {
		t.Errorf("the pool has %d images, want %d", len(stored), len(want))
	}
	if out := w.Show(t, "novacron_template_version.v1"); !strings.Contains(out, `name        = "send"`) ||
		!strings.Contains(out, "duration_seconds") || attribute(out, "virtual_size_bytes") == "0" {
		t.Errorf("the state tells:\n%s", out)
	}
}

// onDisk returns an instance of the template "it" whose disk cannot boot.
func onDisk(name, version, power string) string {
	return fmt.Sprintf(`
resource "novacron_instance" %q {
  name        = %q
  template_id = novacron_template.it.id
  version     = %s
  power_state = %q
  wait_for    = []
  timeouts {
    delete = "1s"
    update = "1s"
  }
}
`, name, name, version, power)
}

// A golden image captured from a stopped instance does not depend on that instance.
func TestAccAStoppedInstanceIsCaptured(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("golden")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	builder, user := name+"-builder", name+"-user"
	image := tfacc.EmptyImage(t, "16M")
	run(t, "qemu-io", "-c", "write -P 5 2M 1M", image)
	shop := library(pool, name, `hardware_profile = { memory_mb = 64 }`) + version("base", "1.0.0", fromPath(image))
	golden := version("it", "1.1.0", fmt.Sprintf("instance_id = novacron_instance.%s.id", builder))
	built := func(power string) string { return onDisk(builder, "novacron_template_version.base.version", power) }

	w := tfacc.NewWorkspace(t, shop+built("running"))
	w.Setenv("NOVACRON_DOMAIN_TYPE", host.DomainType)
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	w.Configure(t, shop+built("running")+golden)
	out := w.Fails(t, "apply", "-auto-approve")
	tfacc.Says(t, out, "Image not available yet", "Could not register version",
		"the instance is running: its disk would be a mix of what the guest writes meanwhile",
		`Set the instance's power_state to "stopped" first`)
	if left := bases(t, host, directory); len(left) != 1 {
		t.Errorf("the pool has the images %q", left)
	}
	host.Virsh(t, "destroy", builder)
	overlay := filepath.Join(host.HostPath(directory), "nova.disk.default."+builder+".system.qcow2")
	host.Exec(t, "qemu-io", "-c", "write -P 9 8M 1M", filepath.Join(directory, filepath.Base(overlay)))
	was := host.Exec(t, "sh", "-c", "qemu-img convert -O raw "+filepath.Join(directory, filepath.Base(overlay))+" "+
		directory+"/was.raw && sha256sum < "+directory+"/was.raw")

	w.Configure(t, shop+built("stopped")+golden+onDisk(user, "novacron_template_version.it.version", "stopped"))
	w.Apply(t)
	w.EmptyPlan(t)
	shown := w.Show(t, address)
	if !strings.Contains(shown, `"copy"`) || attribute(shown, "format") != `"qcow2"` ||
		attribute(shown, "virtual_size_bytes") != fmt.Sprint(16<<20) {
		t.Errorf("the state tells:\n%s", shown)
	}
	location := strings.Trim(attribute(shown, "storage_location"), `"`)
	if info := host.Exec(t, "qemu-img", "info", location); strings.Contains(info, "backing") {
		t.Errorf("the image stands on another:\n%s", info)
	}
	if digest := `"` + digestOf(t, host.HostPath(location)) + `"`; attribute(shown, "digest") != digest {
		t.Errorf("the state has the digest %s, the image %s", attribute(shown, "digest"), digest)
	}

	// After the instance and its base image are gone, the captured image and its clones still have
	// the instance's content.
	w.Configure(t, library(pool, name, `hardware_profile = { memory_mb = 64 }`)+
		version("it", "1.1.0", `instance_id = "01234567-89ab-cdef-0123-456789abcdef"`, `
  lifecycle {
    ignore_changes = [source]
  }`)+onDisk(user, "novacron_template_version.it.version", "stopped"))
	w.Apply(t)
	clone := filepath.Join(directory, "nova.disk.default."+user+".system.qcow2")
	is := host.Exec(t, "sh", "-c", "qemu-img convert -O raw "+clone+" "+directory+"/is.raw && sha256sum < "+directory+
		"/is.raw")
	if was != is {
		t.Errorf("a clone of the image has %s, the instance had %s", is, was)
	}
	host.Exec(t, "rm", directory+"/was.raw", directory+"/is.raw")
}

// A volume is registered as it is, unless a guest is writing to it.
func TestAccAVolumeIsRegistered(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("volume")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	image := tfacc.EmptyImage(t, "16M")
	run(t, "qemu-io", "-c", "write -P 3 1M 2M", image)
	stored := filepath.Join(host.HostPath(directory), "mine.qcow2")
	writeFile(t, stored, readFile(t, image))
	t.Cleanup(func() { _ = os.Remove(stored) })
	domain := name + "-other"
	start := func(metadata string) {
		t.Helper()
		host.Exec(t, "sh", "-c", fmt.Sprintf(`cat > %[1]s/domain.xml <<'X'
<domain type='%[2]s'><name>%[3]s</name><metadata>%[5]s</metadata><memory unit='MiB'>32</memory>
<os><type arch='x86_64'>hvm</type></os>
<devices><disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>
<source pool='%[4]s' volume='mine.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>
X
virsh -q pool-refresh %[4]s && virsh -q create %[1]s/domain.xml && rm %[1]s/domain.xml`,
			directory, host.DomainType, domain, pool, metadata))
	}
	start("")

	w := tfacc.NewWorkspace(t, library(pool, name)+version("it", "1.0.0", fmt.Sprintf("volume = %q",
		pool+"/mine.qcow2")))
	t.Cleanup(func() { w.Destroy(t) })
	used := "it would be a mix of what a guest writes meanwhile: it is in use by running machines: "
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Image not available yet", "Could not register version",
		"Reading volume "+pool+"/mine.qcow2", used+domain)
	host.Virsh(t, "destroy", domain)
	// The error does not name another tenant's machine.
	vault, err := metadata.Facts{Tenant: "bank", Name: "vault"}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	start(vault)
	if out := w.Fails(t, "apply", "-auto-approve"); !strings.Contains(tfacc.Prose(out), used+"1 of other tenants") ||
		strings.Contains(out, domain) {
		t.Errorf("it is told\n%s", out)
	}
	host.Virsh(t, "destroy", domain)
	content := readFile(t, stored)
	w.Apply(t)
	w.EmptyPlan(t)
	if found := bases(t, host, directory); len(found) != 1 || !bytes.Equal(readFile(t, found[0]), content) {
		t.Errorf("the pool has the images %q, not just the volume's", found)
	}
	// The version has its own image, so removing the volume does not affect it.
	if err := os.Remove(stored); err != nil {
		t.Fatal(err)
	}
	w.EmptyPlan(t)
}
