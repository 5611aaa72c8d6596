package usage

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
)

func TestWhatIsAnothersIsNotNamed(t *testing.T) {
	use := New(Options{Host: fakehost.New(), Pool: "novacron", Tenant: "shop"})
	cause := host.ErrUnsupported
	for u, want := range map[host.Undescribed]string{
		{Pool: "p", Name: "a.iso", Err: cause}: `volume "a.iso" in pool "p": ` +
			cause.Error(),
		{Pool: "p", Name: "nova.disk.shop.web.system.raw", Err: cause}: `volume "nova.disk.shop.web.system.raw" ` +
			`in pool "p": ` + cause.Error(),
		{Pool: "p", Name: "nova.disk.bank.vault.system.raw", Err: cause}: "a volume of another tenant",
		{Name: "vault", Err: cause}:                                      `domain "vault": ` + cause.Error(),
		{Name: "shop.web", Err: cause}:                                   `domain "shop.web": ` + cause.Error(),
		{Name: "bank.vault", Err: cause}:                                 "a domain that may be another tenant's",
	} {
		if got := use.NameOf(u) + use.Reason(u); got != want {
			t.Errorf("%+v is %q, want %q", u, got, want)
		}
	}
	// All disks of a domain that cannot be described were looked at, unless there are pools that
	// could not be.
	id := catalog.TemplateID{Tenant: "shop", Name: "web"}.Version("1.0.0")
	domains := []host.Undescribed{{Name: "shop.web", Err: cause}}
	var told []string
	tell := func(text string) { told = append(told, text) }
	if err := use.CheckUndescribed(id, Dependents{}, domains, tell); err != nil || len(told) != 1 ||
		!strings.Contains(told[0], `domain "shop.web"`) {
		t.Errorf("all pools were looked at: %v, %q", err, told)
	}
	if err := use.CheckUndescribed(id, Dependents{unseen: []string{"attic"}}, domains, tell); err == nil ||
		!strings.Contains(err.Error(), `"shop.web"`) ||
		!strings.Contains(err.Error(), "attic") {
		t.Errorf("one pool was not: %v", err)
	}
}

// Volumes that may stand on an image are found by what the host has of volumes and domains.
func TestWhatMayHangOnAnImage(t *testing.T) {
	use := New(Options{Host: fakehost.New(), Pool: "novacron", Tenant: "shop"})
	base := host.Volume{Pool: "novacron", Name: "nova.base.a.raw", Path: "/nova/nova.base.a.raw"}
	on := func(name, below, format string) host.Volume {
		return host.Volume{
			Pool: "p", Name: name, Path: "/p/" + name, Backing: &host.Backing{Path: below, Format: format},
		}
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
		"nothing":    {sighting{}, 0, 0, 0},
		"an overlay": {sighting{volumes: []host.Volume{overlay}}, 1, 0, 0},
		"one that goes up first": {
			sighting{volumes: []host.Volume{on("x", "/p/../nova/nova.base.a.raw", "raw")}}, 1, 0, 0,
		},
		"a raw disk": {
			sighting{volumes: []host.Volume{overlay}, domains: []host.Domain{disk("a", "/p/x", "raw")}}, 0, 0, 0,
		},
		"raw to one of two domains": {
			sighting{
				volumes: []host.Volume{overlay}, domains: []host.Domain{
					disk("a", "/p/x", "raw"), disk("b", "/p/x", "qcow2"),
				},
			}, 1, 0, 0,
		},
		"raw to a domain, not to a volume": {
			sighting{
				volumes: []host.Volume{overlay, on("y", "/p/x", "qcow2")},
				domains: []host.Domain{disk("a", "/p/x", "raw")},
			}, 1, 0, 0,
		},
		"raw to a domain and a volume": {
			sighting{
				volumes: []host.Volume{overlay, on("y", "/p/x", "raw")},
				domains: []host.Domain{disk("a", "/p/x", "raw")},
			}, 0, 0, 0,
		},
		"raw to a domain, but for what a guest says": {sighting{volumes: []host.Volume{
			overlay, on("y", "/p/x", "qcow2"),
		},
			domains: []host.Domain{disk("a", "/p/x", "raw"), disk("b", "/p/y", "raw")}}, 0, 0, 0},
		"an odd file": {sighting{undescribed: odd}, 0, 0, 1},
		"an odd disk": {
			sighting{undescribed: odd, domains: []host.Domain{disk("a", "/p/odd", "qcow2")}}, 0, 1, 0,
		},
		"an odd raw disk": {
			sighting{undescribed: odd, domains: []host.Domain{disk("a", "/p/odd", "raw")}}, 0, 0, 1,
		},
		"an odd disk called as no UTF-8 is": {
			sighting{
				undescribed: []host.Undescribed{{Pool: "p", Name: "caf\xe9"}},
				domains:     []host.Domain{disk("a", "/p/caf\uFFFD", "qcow2")},
			}, 0, 1, 0,
		},
		"in the middle of a chain": {sighting{undescribed: odd, volumes: []host.Volume{on("top", "/p/odd", "qcow2")}},
			0, 1, 0},
		"below what a guest says": {sighting{undescribed: odd, volumes: []host.Volume{on("top", "/p/odd", "qcow2")},
			domains: []host.Domain{disk("a", "/p/top", "raw")}}, 0, 0, 1},
		"perhaps a disk of an odd domain": {sighting{undescribed: odd, unknown: unknown}, 0, 1, 0},
	} {
		c.seen.dirs = map[string]string{"p": "/p", "novacron": "/nova"}
		if h := use.sort(c.seen, base.Path); len(h.Overlays) != c.overlays || len(h.doubtful) != c.doubtful ||
			len(h.overlooked) != c.overlooked {
			t.Errorf("%s: %+v", name, h)
		}
	}
	// A domain that cannot be described may have disks in a pool that cannot be looked into.
	for name, c := range map[string]struct {
		h    Dependents
		want bool
	}{
		"a pool that is off":             {Dependents{unseen: []string{"attic"}}, false},
		"an odd domain":                  {Dependents{unknown: unknown}, false},
		"an odd domain and such a pool":  {Dependents{unseen: []string{"attic"}, unknown: unknown}, true},
		"what may be a disk of anything": {Dependents{doubtful: odd}, true},
	} {
		if c.h.Any() != c.want {
			t.Errorf("%s hangs on an image: %t", name, !c.want)
		}
	}
}
