package domain

import (
	"slices"
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

const running = `<domain type='kvm'>
  <name>it</name>
  <metadata><i:instance xmlns:i="urn:novacron:instance:1" old=""/></metadata>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS.fd'>/var/lib/libvirt/qemu/nvram/it_VARS.fd</nvram>
  </os>
  <cpu mode='custom' match='exact'><model>EPYC</model></cpu>
  <devices>
    <emulator>/usr/bin/theirs</emulator>
    <disk type='file' device='disk'><source file='/a/disk'/><target dev='vda'/></disk>
    <disk type='file' device='cdrom'><source file='/a/seed' startupPolicy='optional'/><target dev='sda'/></disk>
    <serial type='pty'><log file='/a/log' append='off'/></serial>
    <console type='pty'><log file='/a/log' append='off'/></console>
  </devices>
</domain>`

var moved = host.Relocation{
	Name: "it", Metadata: `<i:instance xmlns:i="urn:novacron:instance:1" new=""/>`,
	Files: map[string]string{"/a/disk": "/b/disk", "/a/seed": "/b/seed", "/a/log": "/b/log"},
}

// A guest that runs keeps its machine. Its files are those of the other host, and it goes on writing its log.
func TestAGuestIsDescribedForAnotherHost(t *testing.T) {
	got := must.Get[string](t)(relocatedGuest(running, moved))
	for _, gone := range []string{"/a/", "/usr/bin/theirs", "old=", `append="off"`, "append='off'"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q is left of it:\n%s", gone, got)
		}
	}
	for _, want := range []string{
		`file="/b/disk"`, `file="/b/seed"`, `startupPolicy="optional"`, `file="/b/log"`, `append="on"`, "new=",
		"/usr/share/OVMF/OVMF_CODE.fd", "it_VARS.fd", "<model>EPYC</model>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	few := moved
	few.Files = map[string]string{"/a/disk": "/b/disk"}
	if _, err := relocatedGuest(running, few); err == nil {
		t.Error("it is described without its seed")
	}
}

func TestMigrationsNameWhatIsSent(t *testing.T) {
	m := host.Migration{
		To:         host.Peer{URI: "qemu+tls://b/system", Data: "tcp://10.0.0.2"},
		Definition: "<domain><name>it</name></domain>", Relocation: moved, Disks: []string{"vda", "vdb"},
	}
	values := func(m host.Migration) map[string][]string {
		all := map[string][]string{}
		for _, p := range must.Get[[]libvirt.TypedParam](t)(migrationParams(running, m)) {
			all[p.Field] = append(all[p.Field], p.Value.I.(string))
		}
		return all
	}
	got := values(m)
	if !slices.Equal(got[libvirt.MigrateParamMigrateDisks], m.Disks) ||
		!slices.Equal(got[libvirt.MigrateParamURI], []string{m.To.Data}) ||
		!strings.Contains(strings.Join(got[libvirt.MigrateParamPersistXML], ""), "new=") ||
		!strings.Contains(strings.Join(got[libvirt.MigrateParamDestXML], ""), "/b/disk") {
		t.Errorf("got %q", got)
	}
	m.To.Data = ""
	if got := values(m); got[libvirt.MigrateParamURI] != nil {
		t.Errorf("it is sent to %q", got[libvirt.MigrateParamURI])
	}
}

// Only a job that sends the guest to another host counts.
func TestJobs(t *testing.T) {
	params := func(operation libvirt.DomainJobOperation) []libvirt.TypedParam {
		return []libvirt.TypedParam{
			{Field: libvirt.DomainJobOperationStr, Value: *libvirt.NewTypedParamValueInt(int32(operation))},
			{Field: libvirt.DomainJobDataProcessed, Value: *libvirt.NewTypedParamValueUllong(7)},
		}
	}
	for name, c := range map[string]struct {
		kind      libvirt.DomainJobType
		operation libvirt.DomainJobOperation
		is        bool
	}{
		"it is sent":       {libvirt.DomainJobUnbounded, libvirt.DomainJobOperationStrMigrationOut, true},
		"it was sent":      {libvirt.DomainJobCompleted, libvirt.DomainJobOperationStrMigrationOut, false},
		"it is backed up":  {libvirt.DomainJobUnbounded, libvirt.DomainJobOperationStrBackup, false},
		"nothing is going": {libvirt.DomainJobNone, libvirt.DomainJobOperationStrUnknown, false},
	} {
		is, bytes := sending(c.kind, params(c.operation))
		if is != c.is || is && bytes != 7 {
			t.Errorf("%s: %t, %d bytes", name, is, bytes)
		}
	}
}
