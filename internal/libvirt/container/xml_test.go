package container

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
)

func spec() host.ContainerSpec {
	return host.ContainerSpec{
		Name: "a<b", Init: "/.nova/init", VCPUs: 3, MemoryMiB: 64,
		Filesystems: []host.Filesystem{
			{Kind: host.FilesystemImage, Source: "/pool/a&b", Target: "/"},
			{Kind: host.FilesystemImage, Source: "/dev/vg/lv", Target: "/lv", ReadOnly: true},
			{Kind: host.FilesystemFile, Source: "/pool/file", Target: "/file"},
			{Kind: host.FilesystemRAM, Target: "/ram", Size: 1 << 20},
		},
		Interfaces: []host.InterfaceSpec{
			{Name: "lan", Network: "default", MAC: "52:54:00:00:00:01"},
			{
				Name: "wan", Bridge: "br0", MAC: "52:54:00:AA:00:02",
				Filter: "clean-traffic", FilterIPs: []string{"192.0.2.1"},
			},
		},
	}
}

func TestContainersAreRendered(t *testing.T) {
	text := must.Get[string](t)(render(spec()))
	for _, want := range []string{
		`type="lxc"`, "<name>a&lt;b</name>", "<privnet></privnet>", "<init>/.nova/init</init>", "<quota>300000</quota>",
		`<filesystem type="file" accessmode="passthrough">`, `file="/pool/a&amp;b"`,
		`<driver type="loop" format="raw">`,
		`<filesystem type="block" accessmode="passthrough">`, `dev="/dev/vg/lv"`, "<readonly>",
		`<source usage="1024" units="KiB">`, `<guest dev="eth1">`, `<target dev="nv525400aa0002">`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %s:\n%s", want, text)
		}
	}
	for _, never := range []string{"initenv", "initarg", "inituser", "<target dev=\"nv525400000001\"", "virtio"} {
		if strings.Contains(text, never) {
			t.Errorf("it has %s:\n%s", never, text)
		}
	}
}

func TestWhatCannotBeDefinedIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*host.ContainerSpec){
		"no processor":        func(s *host.ContainerSpec) { s.VCPUs = 0 },
		"a relative init":     func(s *host.ContainerSpec) { s.Init = "init" },
		"no root":             func(s *host.ContainerSpec) { s.Filesystems = s.Filesystems[1:] },
		"a relative target":   func(s *host.ContainerSpec) { s.Filesystems[2].Target = "file" },
		"a relative source":   func(s *host.ContainerSpec) { s.Filesystems[2].Source = "file" },
		"an unknown kind":     func(s *host.ContainerSpec) { s.Filesystems[2].Kind = host.FilesystemOther },
		"memory without size": func(s *host.ContainerSpec) { s.Filesystems[3].Size = 0 },
		"half a KiB":          func(s *host.ContainerSpec) { s.Filesystems[3].Size = 1<<20 + 512 },
		"no MAC address":      func(s *host.ContainerSpec) { s.Interfaces[0].MAC = "" },
		"no network":          func(s *host.ContainerSpec) { s.Interfaces[0].Network = "" },
		"a model":             func(s *host.ContainerSpec) { s.Interfaces[0].Model = "e1000" },
		"a tag":               func(s *host.ContainerSpec) { s.Interfaces[0].VLAN = 7 },
		"metadata, no XML":    func(s *host.ContainerSpec) { s.Metadata = "<a" },
	} {
		s := spec()
		spoil(&s)
		if text, err := render(s); err == nil {
			t.Errorf("%s: it is rendered as\n%s", name, text)
		}
	}
}

// strangers is a definition with what other tools may have added.
const strangers = `<domain type='lxc'>
  <name>box</name>
  <vcpu placement='static' cpuset='0-1'>1</vcpu>
  <cputune><shares>512</shares><period>50000</period><quota>25000</quota><x:z xmlns:x='urn:x'/></cputune>
  <features><privnet/><capabilities policy='default'><mknod state='on'/></capabilities></features>
  <devices>
    <emulator>/usr/lib/libvirt/libvirt_lxc</emulator>
    <filesystem type='file'><driver type='loop' format='raw'/><source file='/a'/><target dir='/'/></filesystem>
    <filesystem type='mount'><source dir='/b&amp;c'/><target dir='/srv'/><x:y xmlns:x='urn:x'/></filesystem>
    <filesystem type='ram'><source usage='16' units='KiB'/><target dir='/tmp'/></filesystem>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:01'/><source bridge='br0'/><target dev='old'/><guest dev='eth0'/>
      <mtu size='9000'/><filterref filter='f'/>
    </interface>
    <hostdev mode='capabilities' type='misc'><source><char>/dev/fuse</char></source></hostdev>
  </devices>
</domain>`

func edited(t *testing.T, c host.DomainChange) string {
	t.Helper()
	e := must.Get[*domainxml.Editor](t)(domainxml.New(strangers))
	if err := change(e, c); err != nil {
		t.Fatal(err)
	}
	return e.Result()
}

func TestChangesLeaveTheRest(t *testing.T) {
	vcpus := 2
	fs := host.Filesystem{Kind: host.FilesystemImage, Source: "/x<y", Target: "/srv"}
	for name, c := range map[string]struct {
		change host.DomainChange
		gone   []string // texts that go
		has    []string
	}{
		"vCPUs": {
			host.DomainChange{Sockets: &vcpus},
			[]string{"<vcpu placement='static' cpuset='0-1'>1<", "<period>50000</period>", "<quota>25000</quota>"},
			[]string{`<vcpu placement="static" cpuset="0-1">2</vcpu>`, "<quota>200000</quota>"},
		},
		"filesystem": {
			host.DomainChange{SetFilesystems: []host.Filesystem{fs}, RemoveFilesystem: "/tmp"},
			[]string{"<source dir='/b&amp;c'/><target dir='/srv'/><x:y xmlns:x='urn:x'/>", "usage='16'"},
			[]string{`file="/x&lt;y"`, `dir="/srv"`},
		},
		"interface": {
			host.DomainChange{SetInterface: &host.InterfaceSpec{Name: "lan", Network: "n&m", MAC: "52:54:00:00:00:01"}},
			[]string{"type='bridge'", "<source bridge='br0'/>", "<target dev='old'/>", "<filterref filter='f'/>"},
			[]string{`<interface type="network">`, `network="n&amp;m"`},
		},
		"no interface": {
			host.DomainChange{RemoveInterface: "52:54:00:00:00:01"}, []string{"<interface", "<guest dev='eth0'/>"}, nil,
		},
		"one more": {
			host.DomainChange{SetInterface: &host.InterfaceSpec{Name: "wan", Bridge: "b", MAC: "52:54:00:00:00:02"}},
			nil, []string{`<guest dev="eth1">`, "<guest dev='eth0'/>"},
		},
		"nothing": {host.DomainChange{RemoveInterface: "52:54:00:00:00:09", RemoveFilesystem: "/none"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := edited(t, c.change)
			for _, keep := range []string{
				"<shares>512</shares>", "<mknod state='on'/>", "/dev/fuse", "<x:z xmlns:x='urn:x'/>",
				"<source file='/a'/>", "<emulator>", "mtu size='9000'",
			} {
				if name == "no interface" && strings.HasPrefix(keep, "mtu") {
					continue
				}
				if !strings.Contains(got, keep) {
					t.Errorf("%s is gone:\n%s", keep, got)
				}
			}
			for _, text := range c.gone {
				if !strings.Contains(strangers, text) || strings.Contains(got, text) {
					t.Errorf("%s is still there:\n%s", text, got)
				}
			}
			for _, text := range c.has {
				if !strings.Contains(got, text) {
					t.Errorf("%s is missing:\n%s", text, got)
				}
			}
		})
	}
}

func TestRelocatedContainers(t *testing.T) {
	moved := func(files map[string]string) (string, error) {
		e := must.Get[*domainxml.Editor](t)(domainxml.New(strangers))
		err := relocate(e, files)
		return e.Result(), err
	}
	got, err := moved(map[string]string{"/a": "/new/a", "/b&c": "/new/<b>"})
	if err != nil || !strings.Contains(got, `file="/new/a"`) || !strings.Contains(got, `dir="/new/&lt;b&gt;"`) ||
		strings.Contains(got, "emulator") || !strings.Contains(got, "usage='16'") {
		t.Errorf("it is, %v\n%s", err, got)
	}
	if got, err := moved(map[string]string{"/a": "/new/a"}); err == nil {
		t.Errorf("a file stays where it was:\n%s", got)
	}
}
