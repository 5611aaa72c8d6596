package domain

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestDiskOfADomainIsAVolume(t *testing.T) {
	d, err := parseDomain(`<domain type='kvm'><name>web</name><devices>
  <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/pool/a'/><target dev='vda'/></disk>
  <disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>
    <source pool='p' volume='b'/><target dev='vdb'/></disk>
  <disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sda'/></disk>
</devices></domain>`)
	if err != nil || len(d.Disks) != 3 {
		t.Fatalf("got %+v, %v", d, err)
	}
	for target, v := range map[string]host.Volume{
		"vda":          {Pool: "p", Name: "a", Path: "/pool/a"},
		"vdb":          {Pool: "p", Name: "b", Path: "/pool/b"},
		"another pool": {Pool: "q", Name: "b", Path: "/other/b"},
		"nothing":      {},
	} {
		for _, disk := range d.Disks {
			if is := disk.Is(v); is != (disk.Target == target) {
				t.Errorf("disk %s is %+v: %v", disk.Target, v, is)
			}
		}
	}
}

func TestDiskWithoutAFormatIsRefused(t *testing.T) {
	for _, format := range []string{"", "auto", "vmdk"} {
		if err := checkDisk((host.DiskSpec{
			Name: "system", Target: "vda", Path: "/pool/a", Format: format,
		})); err == nil {
			t.Errorf("a disk of the format %q was taken", format)
		}
	}
	const bare = `<domain type='kvm'><name>web</name><devices><disk type='file' device='disk'><source ` +
		`file='/pool/old'/><target dev='vda'/>` +
		`<alias name='ua-disk-system'/></disk></devices></domain>`
	after, err := machineDialect.edit(bare, host.DomainChange{
		Disk: &host.DiskImage{Name: "system", Path: "/pool/new", Format: "raw"},
	})
	if err != nil || !strings.Contains(after, `<driver name="qemu" type="raw"></driver><source file="/pool/new">`) {
		t.Errorf("a disk without a driver becomes %s (%v)", after, err)
	}
}
