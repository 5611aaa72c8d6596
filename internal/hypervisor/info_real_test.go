package hypervisor

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

func TestHostTellsAboutItself(t *testing.T) {
	h := realHost(t)
	info := virttest.Must[host.Info](t)(h.Info(t.Context()))
	if info.Hostname == "" || info.URI != h.URI() || info.Arch == "" || info.CPUs < 1 || info.MemoryMiB < 64 ||
		info.FreeMemoryMiB == 0 || info.FreeMemoryMiB > info.MemoryMiB || !slices.Contains(info.DomainTypes, "qemu") ||
		strings.Count(info.LibvirtVersion, ".") != 2 || strings.Count(info.HypervisorVersion, ".") != 2 {
		t.Errorf("%+v", info)
	}
	n := virttest.Must[host.Network](t)(h.Network(t.Context(), "default"))
	if n.Name != "default" || n.Bridge == "" || n.ForwardMode != "nat" {
		t.Errorf("%+v", n)
	}
	if all := virttest.Must[[]host.Network](t)(h.Networks(t.Context())); !slices.Contains(all, n) {
		t.Errorf("%+v is not among %+v", n, all)
	}
	_, err := h.Network(t.Context(), "no-such-network")
	virttest.WantErr(t, err, host.ErrNoNetwork)
}
