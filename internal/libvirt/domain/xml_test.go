package domain

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func fullSpec() host.DomainSpec {
	return host.DomainSpec{
		Name:        "t1.web",
		UUID:        "c7a5fdbd-cdaf-9455-926a-d65c16db1809",
		Title:       "Web & more",
		Description: "line 1\nline <2>",
		Type:        "kvm",
		Sockets:     2,
		Cores:       4,
		CPU:         "host-passthrough",
		MemoryMiB:   2048,
		Firmware:    "efi",
		Disks: []host.DiskSpec{
			{Name: "system", Target: "vda", Path: "/pool/system.qcow2", Format: "qcow2", Boot: 2},
			{Name: "data", Target: "vdb", Path: "/dev/vg/data", Format: "raw"},
			{Name: "fast", Target: "sdd", Path: "/fast/fast.qcow2", Format: "qcow2", Rotation: 1, Boot: 1},
			{
				Name:           "large",
				Target:         "sde",
				Path:           "/bulk/large.qcow2",
				Format:         "qcow2",
				Rotation:       7200,
				KeepsDiscarded: true,
			},
		},
		Seed:       "/pool/seed.iso",
		ConsoleLog: "/log/web.log",
		Interfaces: []host.InterfaceSpec{
			{Name: "eth0", Network: "default", MAC: "52:54:00:00:00:01"},
			{Name: "eth1", Bridge: "br0", Model: "e1000", VLAN: 42, Filter: "no-mac-spoofing"},
			{Name: "eth2", Network: "lab", Filter: "clean-traffic", FilterIPs: []string{"10.0.0.5"}},
		},
		Passthrough: []host.PassthroughDevice{
			{Name: "gpu-10de-1eb8-0", Address: host.PCIAddress{Bus: 0xb1}},
			{Name: "gpu-10de-1eb8-1", Address: host.PCIAddress{Domain: 1, Bus: 2, Slot: 3, Function: 4}},
		},
		Metadata: `<n:instance xmlns:n="urn:novacron:instance:1"><n:tenant>t1</n:tenant></n:instance>`,
	}
}

func TestDomainXMLIsAsAgreed(t *testing.T) {
	emulated := host.DomainSpec{Name: "small", Type: "qemu", Sockets: 1, Cores: 1, CPU: "Nehalem", MemoryMiB: 64}
	for name, spec := range map[string]host.DomainSpec{"full": fullSpec(), "small": emulated} {
		text := must.Get[string](t)(renderDomain(spec))
		file := filepath.Join("testdata", name+".xml")
		if *update {
			if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if want := string(must.Get[[]byte](t)(os.ReadFile(file))); text+"\n" != want {
			t.Errorf("%s differs from what is rendered; if that is meant, run go test with -update\n%s", file, text)
		}
	}
}

func TestDomainXMLReadsBack(t *testing.T) {
	spec := fullSpec()
	want := host.Domain{
		UUID: spec.UUID, Name: spec.Name, Title: spec.Title, Description: spec.Description, Type: "kvm",
		Sockets: 2, Cores: 4, CPU: "host-passthrough", MemoryMiB: 2048, Metadata: spec.Metadata,
		Firmware: "efi", Passthrough: spec.Passthrough,
		Disks: []host.DomainDisk{
			{Name: "system", Target: "vda", Path: "/pool/system.qcow2", Format: "qcow2", Boot: 2},
			{Name: "data", Target: "vdb", Path: "/dev/vg/data", Format: "raw"},
			{Name: "fast", Target: "sdd", Path: "/fast/fast.qcow2", Format: "qcow2", Rotation: 1, Boot: 1},
			{
				Name:           "large",
				Target:         "sde",
				Path:           "/bulk/large.qcow2",
				Format:         "qcow2",
				Rotation:       7200,
				KeepsDiscarded: true,
			},
			{Target: "sda", Path: "/pool/seed.iso", Format: "raw", CDROM: true},
		},
		Interfaces: []host.DomainInterface{
			{Name: "eth0", MAC: "52:54:00:00:00:01", Network: "default", Model: "virtio"},
			{Name: "eth1", Bridge: "br0", Model: "e1000", VLAN: 42, Filter: "no-mac-spoofing"},
			{Name: "eth2", Network: "lab", Model: "virtio", Filter: "clean-traffic"},
		},
	}
	got := must.Get[host.Domain](t)(parseDomain(must.Get[string](t)(renderDomain(spec))))
	if !sameMetadata(t, got.Metadata, want.Metadata) {
		t.Errorf("the metadata are %s", got.Metadata)
	}
	got.Metadata = want.Metadata
	if diff := virttest.Differ(got, want); diff != "" {
		t.Error(diff)
	}
}

const strangers = `<domain type='kvm' id='3'>
  <name>x</name><!-- kept -->
  <title>old</title>
  <metadata><a:b xmlns:a="urn:a"/><n:instance xmlns:n="urn:novacron:instance:1">old</n:instance></metadata>
  <memory unit='KiB'>1048576</memory>
  <currentMemory unit='KiB'>524288</currentMemory>
  <vcpu placement='static' cpuset='0-3' current='1'>4</vcpu>
  <future answer='42'><memory>kept</memory></future>
  <cpu mode='host-model'><topology sockets='1' dies='1' cores='2' threads='2'/><feature name='vmx'/></cpu>
  <devices><disk type='network' device='disk'><target dev='vdz'/></disk></devices>
</domain>`

func TestOnlyWhatIsNamedIsChanged(t *testing.T) {
	const ours = `<m:instance xmlns:m="urn:novacron:instance:1">new</m:instance>`
	for name, c := range map[string]struct {
		change   host.DomainChange
		old, new []string // what is replaced, and by what
	}{
		"nothing": {},
		"title": {host.DomainChange{Title: new("a < b")}, []string{"<title>old</title>"},
			[]string{"<title>a &lt; b</title>"}},
		"no title": {
			host.DomainChange{Title: new("")}, []string{"<title>old</title>"}, []string{""},
		},
		"description": {
			host.DomainChange{Description: new("d")}, []string{"</domain>"},
			[]string{"<description>d</description></domain>"},
		},
		"metadata": {
			host.DomainChange{Metadata: new(ours)},
			[]string{`<n:instance xmlns:n="urn:novacron:instance:1">old</n:instance>`},
			[]string{strings.Replace(ours, ">", ` xmlns:novacron="urn:novacron:instance:1">`, 1)},
		},
		"memory": {
			host.DomainChange{MemoryMiB: new(uint64(2048))},
			[]string{"<memory unit='KiB'>1048576</memory>", "<currentMemory unit='KiB'>524288</currentMemory>"},
			[]string{`<memory unit="MiB">2048</memory>`, `<currentMemory unit="MiB">2048</currentMemory>`},
		},
		"sockets": {
			host.DomainChange{Sockets: new(3)},
			[]string{
				"<vcpu placement='static' cpuset='0-3' current='1'>4</vcpu>",
				"<topology sockets='1' dies='1' cores='2' threads='2'/>",
			},
			[]string{
				`<vcpu placement="static" cpuset="0-3">12</vcpu>`,
				`<topology sockets="3" dies="1" cores="2" threads="2"></topology>`,
			},
		},
	} {
		got, err := machineDialect.edit(strangers, c.change)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := strangers
		for i := range c.old {
			want = strings.Replace(want, c.old[i], c.new[i], 1)
		}
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	for name, change := range map[string]host.DomainChange{
		"no cores":            {Cores: new(0)},
		"metadata of nobody":  {Metadata: new("<a/>")},
		"metadata of no form": {Metadata: new("<a xmlns='urn:a'>")},
		"two elements":        {Metadata: new("<a xmlns='urn:a'/><b xmlns='urn:b'/>")},
	} {
		if _, err := machineDialect.edit(strangers, change); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func FuzzDomainXML(f *testing.F) {
	full, err := renderDomain(fullSpec())
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		full, strangers, "<domain><cpu/></domain>", "<domain><metadata/></domain>", "<domain/>", "<domain><vcpu>",
	} {
		f.Add(text, "title & <more>", 2, uint64(64))
	}
	f.Fuzz(func(t *testing.T, text, title string, cores int, memory uint64) {
		before, err := parseDomain(text)
		if err != nil {
			return
		}
		metadata := `<n:instance xmlns:n="urn:novacron:instance:1"/>`
		memory %= 1 << 40
		edited, err := machineDialect.edit(text, host.DomainChange{
			Title: &title, Cores: &cores, MemoryMiB: &memory, Metadata: &metadata,
		})
		if err != nil {
			return
		}
		after, err := parseDomain(edited)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, edited, err)
		}
		if after.Cores != cores || after.MemoryMiB != memory || !sameMetadata(t, after.Metadata, metadata) {
			t.Errorf("%q became %q: cores %d, memory %d, metadata %q",
				text, edited, after.Cores, after.MemoryMiB, after.Metadata)
		}
		after.Title, after.Cores, after.MemoryMiB, after.Metadata = before.Title, before.Cores, before.MemoryMiB,
			before.Metadata
		if diff := virttest.Differ(after, before); diff != "" && before.Sockets > 0 {
			t.Errorf("%q became %q\n%s", text, edited, diff)
		}
	})
}
