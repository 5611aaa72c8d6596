package vm

import (
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Overrides are what a configuration has to say, and nothing that the version says already.
func TestOnlyWhatIsBeyondTheVersionIsSaid(t *testing.T) {
	r := newRig(t)
	_, i := r.made(func(_ *kind.Request, b *kind.Blueprint) {
		b.Hardware = &profile.Hardware{MemoryMB: new(int64(512)), CPUCores: new(int64(2))}
	})
	version := catalog.Version{
		VirtualSize: 1 << 30, Spec: catalog.Spec{Hardware: &profile.Hardware{MemoryMB: new(int64(512))}},
	}
	o, err := r.driver.Overrides(t.Context(), i, version)
	r.ok(err)
	if o.Hardware == nil || o.Hardware.MemoryMB != nil || *o.Hardware.CPUCores != 2 || o.Hardware.CPUType != nil {
		t.Errorf("of the machine it says %+v", o.Hardware)
	}
	if o.Network != nil {
		t.Errorf("of the network it says %+v", o.Network)
	}
	data, has := o.Storage.Disks["data"]
	if len(o.Storage.Disks) != 1 || !has || *data.SizeGB != 1 || *data.Tier != "fast" {
		t.Errorf("of the disks it says %+v", o.Storage.Disks)
	}
}

// The size of a disk whose pool is gone is the size as last recorded. A host that does not answer
// does not count as a missing pool.
func TestADiskOfAPoolThatIsGoneHasTheSizeThatItWasLeftWith(t *testing.T) {
	r := newRig(t)
	_, i := r.made(nil)
	i.Disks[1].Path = "/removed/nova.disk.t1.web.data.qcow2"
	if size, err := i.SizeOf(t.Context(), r.driver.volumes, i.Disks[1]); err != nil || size != 1<<30 {
		t.Errorf("it has %d bytes, %v", size, err)
	}
	i.Facts.Sizes = nil
	if _, err := i.SizeOf(t.Context(), r.driver.volumes, i.Disks[1]); err == nil {
		t.Error("a size is told that nobody knows")
	}
	_, i = newRig(t).made(nil)
	r.Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} }
	if _, err := i.SizeOf(t.Context(), r.drive("qemu").volumes, i.Disks[1]); !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("without an answer: %v", err)
	}
	i.Sizes = map[string]uint64{i.Disks[1].Target: 3 << 30}
	if size, err := i.SizeOf(t.Context(), r.driver.volumes, i.Disks[1]); err != nil || size != 3<<30 {
		t.Errorf("one that was read already: %d, %v", size, err)
	}
}
