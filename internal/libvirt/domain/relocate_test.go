package domain

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// What belongs to a host is left out, and everything else stays as it was.
func TestADefinitionIsTakenToAnotherHost(t *testing.T) {
	const before = `<domain type='kvm'>
  <name>it</name>
  <metadata><n:instance xmlns:n="urn:novacron:instance:1" number="1"/><other xmlns="urn:other"/></metadata>
  <os firmware='efi'>
    <type machine='pc-q35-7.2'>hvm</type>
    <firmware><feature enabled='no' name='secure-boot'/></firmware>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/it_VARS.fd</nvram>
  </os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <source file='/a/system' index='1'/>
      <backingStore type='file'><format type='raw'/><source file='/a/base'/></backingStore>
      <address type='pci' slot='0x04'/>
    </disk>
    <disk type='file' device='cdrom'><source file='/a/seed' startupPolicy='optional'></source></disk>
    <disk type='file' device='cdrom'><target dev='sdb'/></disk>
    <serial type='pty'><log file='/a/log' append='off'/><target port='0'/></serial>
    <serial type='pty'><log file='/elsewhere' append='off'/><target port='1'/></serial>
  </devices>
</domain>`
	r := host.Relocation{
		Metadata: `<n:instance xmlns:n="urn:novacron:instance:1" number="2"/>`,
		Files:    map[string]string{"/a/system": "/b/system", "/a/seed": "/b/seed", "/a/log": "/b/log"},
	}
	got, err := machineDialect.relocated(before, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, stays := range []string{
		`<other xmlns="urn:other"/>`, `number="2"`, `machine='pc-q35-7.2'`, `name='secure-boot'`, `slot='0x04'`,
		`<source index="1" file="/b/system">`, `startupPolicy="optional"`, `"/b/seed"`,
		`<log append="off" file="/b/log">`,
		`<target dev='sdb'/>`, `<target port='1'/>`,
	} {
		if !strings.Contains(got, stays) {
			t.Errorf("it lacks %s:\n%s", stays, got)
		}
	}
	for _, goes := range []string{"OVMF", "nvram", "emulator", "/a/", "/elsewhere", `number="1"`} {
		if strings.Contains(got, goes) {
			t.Errorf("it still has %s:\n%s", goes, got)
		}
	}
	for name, spoil := range map[string][2]string{
		"a disk elsewhere":       {"/a/system", "/c/system"},
		"a block device":         {"file='/a/system'", "dev='/dev/vg/it'"},
		"a firmware by hand":     {" firmware='efi'", ""},
		"a kernel of a host":     {"<loader ", "<kernel>/boot/vmlinuz</kernel><loader "},
		"something not a domain": {"domain", "network"},
	} {
		if got, err := machineDialect.relocated(strings.ReplaceAll(before, spoil[0], spoil[1]), r); err == nil {
			t.Errorf("%s is taken: %s", name, got)
		}
	}
}
