package instance_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// qemuImg runs qemu-img on the machine that the tests run on.
func qemuImg(t *testing.T, arguments ...string) {
	t.Helper()
	if out, err := exec.Command("qemu-img", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img %q: %v\n%s", arguments, err, out)
	}
}

// foreignMark marks files that do not belong to the instance.
const foreignMark = "of-nobody's-business;"

// header is the beginning of a qcow2 image of 2 GiB, as the host's qemu-img creates it in the
// directory.
func header(t *testing.T, host *acctest.Host, directory string, options ...string) []byte {
	t.Helper()
	file := filepath.Join(directory, "header")
	host.Exec(t, append(append([]string{"qemu-img", "create", "-q", "-u", "-f", "qcow2"}, options...), file, "2G")...)
	defer os.Remove(host.HostPath(file))
	content, err := os.ReadFile(host.HostPath(file))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// The root user of a guest with a raw disk writes to its beginning what the host takes for an image
// that leads to other files. No image is created from these, and nothing else that the instance
// does is blocked.
func TestAccWhatAGuestWritesToARawDiskIsNotFollowed(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("forged")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	inPool := host.HostPath(directory)
	tiny := filepath.Join(t.TempDir(), "tiny.raw")
	qemuImg(t, "convert", "-O", "raw", acctest.TinyImage(t), tiny)

	secret, theirs := directory+".secret", directory+"/nova.disk.bank.vault.system.raw"
	content := bytes.Repeat([]byte(foreignMark), 1<<16)
	for _, file := range []string{secret, theirs} {
		if err := os.WriteFile(host.HostPath(file), content, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(host.HostPath(file)) })
	}
	shop := tfacc.Provider(pool) + shop(name, tiny)
	config := func(power, disk string, more ...string) string {
		return shop + instance("it", name, `strategy = "clone"`, `wait_for = ["agent"]`, fmt.Sprintf("power_state = %q",
			power), disk) +
			strings.Join(more, "")
	}
	const grown = `storage_profile = { disks = { system = { size_gb = 1 } } }`
	golden := func(source string) string {
		return fmt.Sprintf(`
resource "novacron_template_version" "golden" {
  template_id = novacron_template.it.id
  version     = "2.0.0"
  source      = { %s }
}
`, source)
	}
	w := tfacc.NewWorkspace(t, config("running", ""))
	w.Setenv("NOVACRON_DOMAIN_TYPE", host.DomainType)
	t.Cleanup(func() {
		w.Configure(t, config("stopped", grown)) // also after a source was refused
		w.Destroy(t)
	})
	w.Apply(t)
	disk := "nova.disk.default." + name + ".system.raw"
	file := filepath.Join(inPool, disk)
	if xml := host.Virsh(t, "dumpxml", "--inactive", name); !strings.Contains(xml, "<driver name='qemu' type='raw'") {
		t.Errorf("the raw disk's definition does not say so:\n%s", xml)
	}
	was, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}

	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(header(t, host, directory, "-b", secret, "-F", "raw")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	guestSays(t, host, name, "/bin/sh", "-c", "echo "+base64.StdEncoding.EncodeToString(packed.Bytes())+
		" | base64 -d | gunzip | dd of=/dev/vda bs=64k conv=notrunc && sync")
	host.Virsh(t, "destroy", name)
	host.Virsh(t, "pool-refresh", pool)
	if found := host.Virsh(
		t, "vol-dumpxml", "--pool", pool, disk,
	); !strings.Contains(found, "<format type='qcow2'/>") || !strings.Contains(found, secret) {
		t.Fatalf("the host does not take the disk for what the guest wrote:\n%s", found)
	}

	// The instance still changes as a raw disk: it grows by its file.
	w.Configure(t, config("stopped", grown))
	w.Apply(t)
	w.EmptyPlan(t)
	if info, err := os.Stat(file); err != nil || info.Size() != 1<<30 {
		t.Errorf("the disk has %v, want 1 GiB (%v)", info.Size(), err)
	}
	stopped := func(source string) string {
		return config("stopped", grown, golden(source))
	}
	refused := func(what, source string, says ...string) {
		t.Helper()
		w.Configure(t, stopped(source))
		if out := tfacc.Prose(w.Fails(t, "apply", "-auto-approve")); !containsAll(out, says) {
			t.Errorf("%s: it is told\n%s\nwant %q", what, out, says)
		}
		if found, err := exec.Command(
			"grep", "-l", "-r", "--include=nova.base.*", foreignMark, inPool,
		).Output(); err == nil {
			t.Errorf("%s: what is nobody's business is in %s", what, found)
		}
		if images, _ := filepath.Glob(filepath.Join(inPool, "nova.base.*.raw")); len(images) != 1 {
			t.Errorf("%s: the pool has the images %q", what, images)
		}
		if images, _ := filepath.Glob(filepath.Join(inPool, "nova.base.*.qcow2")); len(images) > 0 {
			t.Errorf("%s: the pool has the images %q", what, images)
		}
	}
	mismatch := fmt.Sprintf(`volume %q in pool %q is defined as a raw disk, and what is in it looks like a qcow2 one`,
		disk, pool)
	refused("a file in no pool", "instance_id = novacron_instance.it.id", mismatch)
	refused("a file in no pool, by the volume", fmt.Sprintf("volume = %q", pool+"/"+disk),
		"it is an overlay on the backing file")
	for _, options := range [][]string{
		{"-b", theirs, "-F", "raw"},
		{"-o", "data_file=" + theirs + ",data_file_raw=on"},
		{}, // which leads nowhere
	} {
		beginning := header(t, host, directory, options...)
		if err := os.WriteFile(host.HostPath(theirs), content, 0o600); err != nil { // the command created a data file
			t.Fatal(err)
		}
		write(t, file, beginning)
		host.Virsh(t, "pool-refresh", pool)
		refused(fmt.Sprint(options), "instance_id = novacron_instance.it.id", mismatch)
	}
	refused("an image by itself, by the volume", fmt.Sprintf("volume = %q", pool+"/"+disk), mismatch)

	// As it was, it is a disk that an image can be created from.
	write(t, file, was)
	w.Configure(t, stopped("instance_id = novacron_instance.it.id"))
	w.Apply(t)
	w.EmptyPlan(t)
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// write overwrites the beginning of a file.
func write(t *testing.T, path string, content []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The disk of a linked clone is an image. Its guest cannot write to its header, but others can. An
// image is created from it only if it leads to what the instance was created from.
func TestAccADiskThatSomebodyReplacedIsNotFollowed(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("replaced")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	theirs := directory + "/nova.disk.bank.vault.system.raw"
	content := bytes.Repeat([]byte(foreignMark), 1<<12)
	t.Cleanup(func() { _ = os.Remove(host.HostPath(theirs)) })
	shop := tfacc.Provider(pool) + shop(name, blankImage(t)) + instance("it", name, `wait_for = []`,
		`power_state = "stopped"`)
	golden := shop + `
resource "novacron_template_version" "golden" {
  template_id = novacron_template.it.id
  version     = "2.0.0"
  source      = { instance_id = novacron_instance.it.id }
}
`
	w := tfacc.NewWorkspace(t, shop)
	w.Setenv("NOVACRON_DOMAIN_TYPE", host.DomainType)
	t.Cleanup(func() {
		w.Configure(t, shop)
		w.Destroy(t)
	})
	w.Apply(t)
	file := host.HostPath(directory + "/nova.disk.default." + name + ".system.qcow2")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	base, err := filepath.Glob(host.HostPath(directory) + "/nova.base.*.qcow2")
	if err != nil || len(base) != 1 {
		t.Fatalf("the pool has the images %q (%v)", base, err)
	}
	stands := filepath.Join(directory, filepath.Base(base[0]))
	w.Configure(t, golden)
	for _, c := range []struct {
		says    string
		options []string
	}{
		{"which is neither the image that the instance was made of nor a disk of its tenant",
			[]string{"-b", theirs, "-F", "raw"}},
		{"no active pool has the file /etc/passwd", []string{"-b", "/etc/passwd", "-F", "raw"}},
		{"has its data in another file", []string{"-o", "data_file=" + theirs + ",data_file_raw=on"}},
		{
			"which is not a path", []string{
				"-b", fmt.Sprintf(`json:{"driver":"raw","file":{"driver":"file","filename":%q}}`, stands), "-F", "raw",
			},
		},
		{"is defined as a raw disk, and what is in it looks like a qcow2 one", []string{"-b", stands, "-F", "raw"}},
	} {
		replacement := header(t, host, directory, c.options...)
		if err := os.WriteFile(host.HostPath(theirs), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, replacement, 0o600); err != nil {
			t.Fatal(err)
		}
		host.Virsh(t, "pool-refresh", pool)
		if out := tfacc.Prose(w.Fails(t, "plan")); !strings.Contains(out, c.says) {
			t.Errorf("%q: it is told\n%s\nwant %q", c.options, out, c.says)
		}
	}
	if err := os.WriteFile(file, was, 0o600); err != nil {
		t.Fatal(err)
	}
	w.Apply(t)
	w.EmptyPlan(t)
}
