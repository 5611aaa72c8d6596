package node

import (
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

func TestHostTellsAboutItself(t *testing.T) {
	h := realNode(t)
	info := must.Get[host.Info](t)(h.Info(t.Context()))
	if info.Hostname == "" || info.URI != h.client.URI() || info.Arch == "" || info.CPUs < 1 || info.MemoryMiB < 64 ||
		info.FreeMemoryMiB == 0 || info.FreeMemoryMiB > info.MemoryMiB || !slices.Contains(info.DomainTypes, "qemu") ||
		strings.Count(info.LibvirtVersion, ".") != 2 || strings.Count(info.HypervisorVersion, ".") != 2 {
		t.Errorf("%+v", info)
	}
	n := must.Get[host.Network](t)(h.Network(t.Context(), "default"))
	if n.Name != "default" || n.Bridge == "" || n.ForwardMode != "nat" {
		t.Errorf("%+v", n)
	}
	if all := must.Get[[]host.Network](t)(h.Networks(t.Context())); !slices.Contains(all, n) {
		t.Errorf("%+v is not among %+v", n, all)
	}
	_, err := h.Network(t.Context(), "no-such-network")
	virttest.WantErr(t, err, host.ErrNoNetwork)
}

func TestHostTellsWhatProfilesCanAskFor(t *testing.T) {
	h := realNode(t)
	if filters := must.Get[[]string](t)(h.NetworkFilters(t.Context())); !slices.Contains(filters, "clean-traffic") {
		t.Errorf("the filters are %q", filters)
	}
	if firmwares := must.Get[[]string](t)(h.Firmwares(t.Context(), "qemu")); !slices.Contains(firmwares, "efi") {
		t.Errorf("the firmwares are %q", firmwares)
	}
	devices := must.Get[[]host.PCIDevice](t)(h.PCIDevices(t.Context()))
	for _, d := range devices {
		if len(d.ID) != 9 || strings.Trim(d.ID, "0123456789abcdef:") != "" {
			t.Errorf("the id of %s is %q", d.Address, d.ID)
		}
	}
	if len(devices) == 0 {
		t.Error("there are no PCI devices")
	}
}
