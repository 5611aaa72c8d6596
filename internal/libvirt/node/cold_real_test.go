package node

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
)

// A daemon that has to look for the capabilities of QEMU takes longer than other requests may.
func TestAccAColdDaemonHasMoreTime(t *testing.T) {
	own := acctest.RequireHost(t).Own(t, "coldnode")
	target := must.Get[dial.Target](t)(dial.Parse(own.URI))
	const short = 100 * time.Millisecond // no QEMU starts within it
	for name, ask := range map[string]func(*Node) error{
		"information": func(m *Node) error {
			info, err := m.Info(t.Context())
			if err == nil && !slices.Contains(info.DomainTypes, own.DomainType) {
				t.Errorf("the host has domains of the types %q", info.DomainTypes)
			}
			return err
		},
		"firmwares": func(m *Node) error {
			firmwares, err := m.Firmwares(t.Context(), own.DomainType)
			if err == nil && !slices.Contains(firmwares, "efi") {
				t.Errorf("the firmwares are %q", firmwares)
			}
			return err
		},
	} {
		own.Cool(t)
		c := rpc.New(target, rpc.Options{CallTimeout: short})
		t.Cleanup(c.Close)
		m := New(c)
		connect(t, m)
		begun := time.Now()
		if err := ask(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(begun); took < short {
			t.Errorf("%s took %s: the daemon was not cold", name, took)
		}
	}
}

// connect opens the connection with a request that has its caller's time.
func connect(t *testing.T, m *Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must.Get[[]host.Network](t)(m.Networks(ctx))
}
