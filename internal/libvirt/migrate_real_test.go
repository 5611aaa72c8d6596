package libvirt_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hosttest"
	conn "github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// Guests move between two real hosts as they do between those in memory.
func TestRealMigrations(t *testing.T) {
	shared := acctest.RequireHost(t)
	from, to := shared.Own(t, "from"), shared.Own(t, "to")
	from.Join(t, to)
	hosttest.RunMigrations(t, func(t *testing.T) hosttest.Road {
		uri, data := to.Peer()
		return hosttest.Road{
			From: siteOn(t, from), To: siteOn(t, to), Peer: host.Peer{URI: uri, Data: data},
			Slow: func(t *testing.T, name string) { from.Virsh(t, "migrate-setspeed", name, "1") },
		}
	})
}

// A host says which machines and processors it does not have.
func TestRealGuestsThatAHostCannotRun(t *testing.T) {
	h, err := conn.New(conn.Options{URI: virttest.URI(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	const guest = "<domain type='qemu'><os><type arch='x86_64' machine='%s'>hvm</type></os>" +
		"<cpu mode='custom' match='exact'><model fallback='forbid'>%s</model></cpu></domain>"
	for _, c := range []struct {
		machine, model string
		says           string // "" if it can
	}{{"pc", "Nehalem", ""}, {"pc", "EPYC-Milan", "features"}, {"pc-i440fx-99.0", "Nehalem", "pc-i440fx-99.0"}} {
		why, err := h.Unable(t.Context(), fmt.Sprintf(guest, c.machine, c.model))
		if err != nil || (why == "") != (c.says == "") || !strings.Contains(why, c.says) {
			t.Errorf("%s with %s: %q, %v", c.machine, c.model, why, err)
		}
	}
}

// siteOn is a host of the test's own, with a pool.
func siteOn(t *testing.T, on *acctest.Host) hosttest.Site {
	t.Helper()
	h, err := conn.New(conn.Options{URI: on.URI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	name := virttest.Unique("pool")
	pool := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), name, filepath.Join("/var/lib/libvirt", name)))
	return hosttest.Site{Host: h, Pool: pool, Unique: func() string { return virttest.Unique("dom") }, UUID: uniqueUUID}
}
