package library

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// A host has other people's files and domains, in any state. Those that it cannot describe block a
// removal only if they may stand on the image that is removed.
func TestAccFilesOfOthersAreNotInTheWayOfARemoval(t *testing.T) {
	host := acctest.RequireHost(t).Own(t, "others") // each library of a host looks at all of its pools
	pool, dir := host.Pool(t, "library")
	s := site{host, pool, host.HostPath(dir)}
	theirs, theirDir := host.Pool(t, "theirs")
	l := s.library(t)
	s.template(t, l)
	ctx := t.Context()
	source := rawImage(t, 1<<20, 1<<20)
	remove := func(v catalog.Version) (overlooked []string, err error) {
		err = l.RemoveVersion(ctx, v.ID, func(text string) { overlooked = append(overlooked, text) })
		return overlooked, err
	}
	v := must.Get[catalog.Version](t)(register(ctx, l, "1.0.0", file.Source{Path: source}))
	at := func(name string) string { return path.Join(theirDir, name) }
	// files creates files that the host lists, and then runs a script that changes them.
	files := func(names []string, script string) {
		t.Helper()
		for _, name := range names {
			if err := os.WriteFile(host.HostPath(at(name)), []byte("anything"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		host.Virsh(t, "pool-refresh", theirs)
		host.Exec(t, "sh", "-e", "-c", "cd "+theirDir+"; "+script)
	}

	files([]string{"caf\xe9.iso", "dangling", "fifo", "vanished", "directory", "circle"},
		"rm dangling fifo vanished directory circle; ln -s /nowhere dangling; mkfifo fifo; mkdir directory; ln -s "+
			"circle circle")
	overlooked, err := remove(v)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(overlooked, "\n"); !strings.Contains(all, `volume "dangling" in pool "theirs"`) ||
		!strings.Contains(all, `volume "fifo" in pool "theirs"`) ||
		strings.Contains(all, "caf") || strings.Contains(all, "vanished") {
		t.Errorf("overlooked:\n%s", all)
	}

	// A name that is not UTF-8 does not hide what stands on the image.
	v = must.Get[catalog.Version](t)(register(ctx, l, "2.0.0", file.Source{Path: source}))
	location := must.Get[string](t)(l.Images.Location(ctx, v))
	overlay := at("caf\xe9.qcow2")
	host.Exec(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", location, "-F", "raw", overlay)
	host.Exec(t, "rm", at("circle"), at("dangling"), at("fifo"))
	host.Virsh(t, "pool-refresh", theirs)
	var used *imagestore.InUseError
	if err := l.RemoveVersion(ctx, v.ID); !errors.As(err, &used) ||
		!slices.Equal(used.Users, []string{"volume caf\uFFFD.qcow2"}) {
		t.Errorf("with an overlay on it: %v", err)
	}
	// A domain's raw disk stands on nothing, no matter what its guest has written there, unless
	// another domain uses it in the format that it looks like.
	host.Exec(t, "mv", overlay, at("theirs.raw"))
	host.Virsh(t, "pool-refresh", theirs)
	for name, format := range map[string]string{"theirs": "raw", "another": "qcow2"} {
		host.Exec(t, "sh", "-e", "-c", `cat > /var/lib/libvirt/theirs.xml <<'X'
<domain type='`+host.DomainType+`'><name>`+name+
			`</name><memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='`+format+`'/><source file='`+at("theirs.raw")+
			`'/><target dev='vda' bus='virtio'/></disk></devices></domain>
X
virsh -q define /var/lib/libvirt/theirs.xml`)
	}
	t.Cleanup(func() { host.Virsh(t, "undefine", "theirs") })
	if err := l.RemoveVersion(ctx, v.ID); !errors.As(err, &used) ||
		!slices.Equal(used.Users, []string{"volume theirs.raw"}) {
		t.Errorf("with a disk that is raw to one domain alone: %v", err)
	}
	host.Virsh(t, "undefine", "another")
	if err := l.RemoveVersion(ctx, v.ID); err != nil {
		t.Errorf("with a disk whose guest says that it stands on the image: %v", err)
	}

	// A file that is named like a disk may stand on the image.
	v = must.Get[catalog.Version](t)(register(ctx, l, "3.0.0", file.Source{Path: source}))
	for name, says := range map[string]string{
		"nova.disk.default.web.system.qcow2": `volume "nova.disk.default.web.system.qcow2" in pool "theirs" may ` +
			`stand on its image, and the host cannot describe it: `,
		"nova.disk.bank.web.system.qcow2": "a volume of another tenant may stand on its image, and the host cannot " +
			"describe it. ",
	} {
		files([]string{name}, "rm "+name+"; mkfifo "+name)
		if _, err := remove(v); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("with %s: %v, want %q", name, err, says)
		}
		host.Exec(t, "rm", at(name))
		host.Virsh(t, "pool-refresh", theirs)
	}
	// So may a file that others stand on.
	files([]string{"middle"}, "rm middle; qemu-img create -q -f qcow2 middle 1M; qemu-img create -q -f qcow2 -b "+
		"middle -F qcow2 top")
	host.Virsh(t, "pool-refresh", theirs)
	host.Exec(t, "sh", "-e", "-c", "cd "+theirDir+"; rm middle; mkfifo middle")
	_, err = remove(v)
	if err == nil || !strings.Contains(err.Error(), `volume "middle" in pool "theirs" may stand on its image`) {
		t.Errorf("with what another disk stands on: %v", err)
	}
	host.Exec(t, "rm", at("middle"), at("top"))
	host.Virsh(t, "pool-refresh", theirs)
	if overlooked, err := remove(v); err != nil || len(overlooked) > 0 {
		t.Errorf("at last: %v, %q overlooked", err, overlooked)
	}
	host.Exec(t, "sh", "-c", "rm -rf "+theirDir+"/*")
}
