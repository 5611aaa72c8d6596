package domain

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

func TestDiskGetsAnotherImage(t *testing.T) {
	const before = `<domain type='kvm'><name>web</name><devices>
  <disk type='file' device='disk'><driver name='qemu' type='raw' discard='unmap'/>
    <source file='/pool/old.raw' index='1'/>
    <backingStore type='file'><format type='raw'/><source file='/pool/base'/></backingStore>
    <target dev='vda' bus='virtio'/><alias name='ua-disk-system'/></disk>
  <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
    <source file='/pool/data'/><target dev='vdb' bus='virtio'/></disk>
</devices></domain>`
	after, err := machineDialect.edit(before, host.DomainChange{
		Disk: &host.DiskImage{Name: "system", Path: "/pool/a & b", Format: "qcow2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`<driver name='qemu' type='raw' discard='unmap'/>`,
		`<driver name="qemu" discard="unmap" type="qcow2"></driver>`,
		`<source file='/pool/old.raw' index='1'/>`,
		`<source file="/pool/a &amp; b"></source>`,
		`<backingStore type='file'><format type='raw'/><source file='/pool/base'/></backingStore>`,
		``,
	).Replace(before)
	if after != want {
		t.Errorf("got\n%s\nwant\n%s", after, want)
	}
	for _, text := range []string{before, `<domain><name>web</name></domain>`} {
		if _, err := machineDialect.edit(text, host.DomainChange{Disk: &host.DiskImage{Name: "data"}}); err == nil {
			t.Error("a disk that is not there was changed")
		}
	}
}
