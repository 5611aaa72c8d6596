package domain

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// libvirt accepts what is rendered, keeps it through a change, and starts it.
func TestDomainOfAllProfilesIsTakenAndStarts(t *testing.T) {
	h, pool, path := realPool(t)
	ctx := t.Context()
	spec := realSpec(t, h, pool, path)
	must.Get[host.Volume](t)(
		h.CreateVolume(ctx, pool, host.VolumeSpec{Name: "large", Format: "qcow2", Capacity: 1 << 20}))
	spec.Firmware = "efi"
	spec.Disks[1].Target, spec.Disks[1].Rotation = "sdc", 1
	spec.Disks = append(spec.Disks, host.DiskSpec{
		Name:           "large",
		Target:         "sdd",
		Path:           filepath.Join(path, "large"),
		Format:         "qcow2",
		Rotation:       7200,
		KeepsDiscarded: true,
	})
	spec.Interfaces[0].Filter, spec.Interfaces[0].FilterIPs = "clean-traffic", []string{
		"192.168.122.77", "192.168.122.78",
	}
	must.Get[host.Domain](t)(h.DefineDomain(ctx, spec))
	memory := uint64(128)
	if err := h.RedefineDomain(ctx, spec.UUID, host.DomainChange{MemoryMiB: &memory}); err != nil {
		t.Fatal(err)
	}
	if err := h.StartDomain(ctx, spec.UUID); err != nil {
		t.Fatal(err)
	}
	d := must.Get[host.Domain](t)(h.Domain(ctx, spec.UUID))
	if d.Firmware != "efi" || d.Interfaces[0].Filter != "clean-traffic" || d.State != host.StateRunning {
		t.Errorf("it is %+v", d)
	}
	want := []host.DomainDisk{
		{Name: "system", Target: "vda", Path: spec.Disks[0].Path, Format: "qcow2", Boot: 1},
		{Name: "data", Target: "sdc", Path: spec.Disks[1].Path, Format: "raw", Rotation: 1},
		{Name: "large", Target: "sdd", Path: spec.Disks[2].Path, Format: "qcow2", Rotation: 7200, KeepsDiscarded: true},
	}
	got := slices.DeleteFunc(slices.Clone(d.Disks), func(d host.DomainDisk) bool { return d.CDROM })
	slices.SortFunc(got, func(a, b host.DomainDisk) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(want, func(a, b host.DomainDisk) int { return strings.Compare(a.Name, b.Name) })
	if diff := virttest.Differ(got, want); diff != "" {
		t.Error(diff)
	}
	if _, err := h.Sent(ctx, spec.UUID, spec.Interfaces[0].MAC); err != nil {
		t.Error(err)
	}
	if err := h.DestroyDomain(ctx, spec.UUID); err != nil {
		t.Fatal(err)
	}
	_, err := h.Sent(ctx, spec.UUID, spec.Interfaces[0].MAC)
	virttest.WantErr(t, err, host.ErrOperationInvalid)
}

// A plain libvirt network silently accepts a tag and then does not start, so the request must be
// refused before that.
func TestTagsNeedANetworkThatCanTag(t *testing.T) {
	h, pool, path := realPool(t)
	spec := realSpec(t, h, pool, path)
	spec.Interfaces[0].VLAN = 42
	d := must.Get[host.Domain](t)(h.DefineDomain(t.Context(), spec))
	if d.Interfaces[0].VLAN != 42 {
		t.Errorf("the tag is %d", d.Interfaces[0].VLAN)
	}
	if err := h.StartDomain(t.Context(), spec.UUID); !virterr.HasCode(err, libvirt.ErrConfigUnsupported) {
		t.Errorf("starting it: %v", err)
	}
}
