package library

import (
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// A host has other people's files and domains, in any state. What it cannot describe of them is in the way of a removal only
// where it may stand on the image that goes.
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
	v := must[catalog.Version](t)(register(ctx, l, "1.0.0", file.Source{Path: source}))
	at := func(name string) string { return path.Join(theirDir, name) }
	// files makes files that the host lists, and does with them what they are to become afterwards.
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
		"rm dangling fifo vanished directory circle; ln -s /nowhere dangling; mkfifo fifo; mkdir directory; ln -s circle circle")
	overlooked, err := remove(v)
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(overlooked, "\n"); !strings.Contains(all, `volume "dangling" in pool "theirs"`) || !strings.Contains(all, `volume "fifo" in pool "theirs"`) ||
		strings.Contains(all, "caf") || strings.Contains(all, "vanished") {
		t.Errorf("overlooked:\n%s", all)
	}

	// A name that is not UTF-8 hides nothing that stands on the image.
	v = must[catalog.Version](t)(register(ctx, l, "2.0.0", file.Source{Path: source}))
	location := must[string](t)(l.StorageLocation(ctx, v))
	overlay := at("caf\xe9.qcow2")
	host.Exec(t, "qemu-img", "create", "-q", "-f", "qcow2", "-b", location, "-F", "raw", overlay)
	host.Exec(t, "rm", at("circle"), at("dangling"), at("fifo"))
	host.Virsh(t, "pool-refresh", theirs)
	var used *InUseError
	if err := l.RemoveVersion(ctx, v.ID); !errors.As(err, &used) || !slices.Equal(used.Users, []string{"volume caf\uFFFD.qcow2"}) {
		t.Errorf("with an overlay on it: %v", err)
	}
	// What a domain has for a raw disk stands on nothing, whatever its guest has written there: unless another one has it as what
	// it looks like.
	host.Exec(t, "mv", overlay, at("theirs.raw"))
	host.Virsh(t, "pool-refresh", theirs)
	for name, format := range map[string]string{"theirs": "raw", "another": "qcow2"} {
		host.Exec(t, "sh", "-e", "-c", `cat > /var/lib/libvirt/theirs.xml <<'X'
<domain type='`+host.DomainType+`'><name>`+name+`</name><memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='`+format+`'/><source file='`+at("theirs.raw")+`'/><target dev='vda' bus='virtio'/></disk></devices></domain>
X
virsh -q define /var/lib/libvirt/theirs.xml`)
	}
	t.Cleanup(func() { host.Virsh(t, "undefine", "theirs") })
	if err := l.RemoveVersion(ctx, v.ID); !errors.As(err, &used) || !slices.Equal(used.Users, []string{"volume theirs.raw"}) {
		t.Errorf("with a disk that is raw to one domain alone: %v", err)
	}
	host.Virsh(t, "undefine", "another")
	if err := l.RemoveVersion(ctx, v.ID); err != nil {
		t.Errorf("with a disk whose guest says that it stands on the image: %v", err)
	}

	// What is called as a disk may be one that stands on the image.
	v = must[catalog.Version](t)(register(ctx, l, "3.0.0", file.Source{Path: source}))
	for name, says := range map[string]string{
		"nova.disk.default.web.system.qcow2": `volume "nova.disk.default.web.system.qcow2" in pool "theirs" may stand on its image, and the host cannot describe it: `,
		"nova.disk.bank.web.system.qcow2":    "a volume of another tenant may stand on its image, and the host cannot describe it. ",
	} {
		files([]string{name}, "rm "+name+"; mkfifo "+name)
		if _, err := remove(v); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("with %s: %v, want %q", name, err, says)
		}
		host.Exec(t, "rm", at(name))
		host.Virsh(t, "pool-refresh", theirs)
	}
	// So may what others stand on.
	files([]string{"middle"}, "rm middle; qemu-img create -q -f qcow2 middle 1M; qemu-img create -q -f qcow2 -b middle -F qcow2 top")
	host.Virsh(t, "pool-refresh", theirs)
	host.Exec(t, "sh", "-e", "-c", "cd "+theirDir+"; rm middle; mkfifo middle")
	if _, err := remove(v); err == nil || !strings.Contains(err.Error(), `volume "middle" in pool "theirs" may stand on its image`) {
		t.Errorf("with what another disk stands on: %v", err)
	}
	host.Exec(t, "rm", at("middle"), at("top"))
	host.Virsh(t, "pool-refresh", theirs)
	if overlooked, err := remove(v); err != nil || len(overlooked) > 0 {
		t.Errorf("at last: %v, %q overlooked", err, overlooked)
	}
	host.Exec(t, "sh", "-c", "rm -rf "+theirDir+"/*")
}

func TestWhatIsAnothersIsNotNamed(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	cause := host.ErrUnsupported
	for u, want := range map[host.Undescribed]string{
		{Pool: "p", Name: "a.iso", Err: cause}:                           `volume "a.iso" in pool "p": ` + cause.Error(),
		{Pool: "p", Name: "nova.disk.shop.web.system.raw", Err: cause}:   `volume "nova.disk.shop.web.system.raw" in pool "p": ` + cause.Error(),
		{Pool: "p", Name: "nova.disk.bank.vault.system.raw", Err: cause}: "a volume of another tenant",
		{Name: "vault", Err: cause}:                                      `domain "vault": ` + cause.Error(),
		{Name: "shop.web", Err: cause}:                                   `domain "shop.web": ` + cause.Error(),
		{Name: "bank.vault", Err: cause}:                                 "a domain that may be another tenant's",
	} {
		if got := l.nameOf(u) + l.reason(u); got != want {
			t.Errorf("%+v is %q, want %q", u, got, want)
		}
	}
	// A domain that cannot be described has no disk that was not looked at, unless there are pools that could not be.
	id := ubuntu.Version("1.0.0")
	domains := []host.Undescribed{{Name: "shop.web", Err: cause}}
	var told []string
	tell := func(text string) { told = append(told, text) }
	if err := l.weigh(id, hanging{}, domains, tell); err != nil || len(told) != 1 || !strings.Contains(told[0], `domain "shop.web"`) {
		t.Errorf("all pools were looked at: %v, %q", err, told)
	}
	if err := l.weigh(id, hanging{unseen: []string{"attic"}}, domains, tell); err == nil || !strings.Contains(err.Error(), `"shop.web"`) ||
		!strings.Contains(err.Error(), "attic") {
		t.Errorf("one pool was not: %v", err)
	}
}

// What may stand on an image is found by what the host has of volumes and domains.
func TestWhatMayHangOnAnImage(t *testing.T) {
	l := (&memory{}).as(t, "shop", "ann")
	base := host.Volume{Pool: "novacron", Name: "nova.base.a.raw", Path: "/nova/nova.base.a.raw"}
	on := func(name, below, format string) host.Volume {
		return host.Volume{Pool: "p", Name: name, Path: "/p/" + name, Backing: &host.Backing{Path: below, Format: format}}
	}
	disk := func(domain, file, format string) host.Domain {
		return host.Domain{Name: domain, Disks: []host.DomainDisk{{Path: file, Format: format}}}
	}
	odd := []host.Undescribed{{Pool: "p", Name: "odd"}}
	unknown := []host.Undescribed{{Name: "torn"}}
	overlay := on("x", base.Path, "raw")
	for name, c := range map[string]struct {
		seen                           sighting
		overlays, doubtful, overlooked int
	}{
		"nothing":                          {sighting{}, 0, 0, 0},
		"an overlay":                       {sighting{volumes: []host.Volume{overlay}}, 1, 0, 0},
		"one that goes up first":           {sighting{volumes: []host.Volume{on("x", "/p/../nova/nova.base.a.raw", "raw")}}, 1, 0, 0},
		"a raw disk":                       {sighting{volumes: []host.Volume{overlay}, domains: []host.Domain{disk("a", "/p/x", "raw")}}, 0, 0, 0},
		"raw to one of two domains":        {sighting{volumes: []host.Volume{overlay}, domains: []host.Domain{disk("a", "/p/x", "raw"), disk("b", "/p/x", "qcow2")}}, 1, 0, 0},
		"raw to a domain, not to a volume": {sighting{volumes: []host.Volume{overlay, on("y", "/p/x", "qcow2")}, domains: []host.Domain{disk("a", "/p/x", "raw")}}, 1, 0, 0},
		"raw to a domain and a volume":     {sighting{volumes: []host.Volume{overlay, on("y", "/p/x", "raw")}, domains: []host.Domain{disk("a", "/p/x", "raw")}}, 0, 0, 0},
		"raw to a domain, but for what a guest says": {sighting{volumes: []host.Volume{overlay, on("y", "/p/x", "qcow2")},
			domains: []host.Domain{disk("a", "/p/x", "raw"), disk("b", "/p/y", "raw")}}, 0, 0, 0},
		"an odd file":                       {sighting{undescribed: odd}, 0, 0, 1},
		"an odd disk":                       {sighting{undescribed: odd, domains: []host.Domain{disk("a", "/p/odd", "qcow2")}}, 0, 1, 0},
		"an odd raw disk":                   {sighting{undescribed: odd, domains: []host.Domain{disk("a", "/p/odd", "raw")}}, 0, 0, 1},
		"an odd disk called as no UTF-8 is": {sighting{undescribed: []host.Undescribed{{Pool: "p", Name: "caf\xe9"}}, domains: []host.Domain{disk("a", "/p/caf\uFFFD", "qcow2")}}, 0, 1, 0},
		"in the middle of a chain":          {sighting{undescribed: odd, volumes: []host.Volume{on("top", "/p/odd", "qcow2")}}, 0, 1, 0},
		"below what a guest says": {sighting{undescribed: odd, volumes: []host.Volume{on("top", "/p/odd", "qcow2")},
			domains: []host.Domain{disk("a", "/p/top", "raw")}}, 0, 0, 1},
		"perhaps a disk of an odd domain": {sighting{undescribed: odd, unknown: unknown}, 0, 1, 0},
	} {
		c.seen.dirs = map[string]string{"p": "/p", "novacron": "/nova"}
		if h := l.hangingOn(base, c.seen); len(h.overlays) != c.overlays || len(h.doubtful) != c.doubtful || len(h.overlooked) != c.overlooked {
			t.Errorf("%s: %+v", name, h)
		}
	}
	// A domain that cannot be described may have disks in a pool that cannot be looked into.
	for name, c := range map[string]struct {
		h    hanging
		want bool
	}{
		"a pool that is off":             {hanging{unseen: []string{"attic"}}, false},
		"an odd domain":                  {hanging{unknown: unknown}, false},
		"an odd domain and such a pool":  {hanging{unseen: []string{"attic"}, unknown: unknown}, true},
		"what may be a disk of anything": {hanging{doubtful: odd}, true},
	} {
		if c.h.any() != c.want {
			t.Errorf("%s hangs on an image: %t", name, !c.want)
		}
	}
}
