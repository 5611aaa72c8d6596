package container_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// A container without an interface has a network of its own, and nothing in it.
func TestRealNoInterfaceIsNotTheHostsNetwork(t *testing.T) {
	s := open(t)
	spec := s.spec()
	s.does(&spec, "ip -o link | sed 's/^[0-9]*: \\([a-z0-9]*\\).*/link \\1/'")
	s.started(spec)
	if got := s.says("ready"); got != "link lo\nready\n" {
		t.Errorf("it sees\n%s", got)
	}
}

// What a container sees is what its specification says: interfaces by number, files in volumes, memory,
// and a root that it cannot write to. What it writes to a file is in the volume.
func TestRealAContainerSeesItsDevices(t *testing.T) {
	s := open(t)
	spec := s.spec()
	one, two := mac(t), mac(t)
	spec.Interfaces = []host.InterfaceSpec{
		{Name: "lan", Network: "default", MAC: one},
		{Name: "wan", Network: "default", MAC: two, Filter: "clean-traffic"},
	}
	secret := s.file("secret", "not for all\n")
	secret.ReadOnly = true
	spec.Filesystems = append(spec.Filesystems, secret,
		host.Filesystem{Kind: host.FilesystemRAM, Target: "/data", Size: 1 << 20})
	s.does(&spec, `cat /sys/class/net/eth0/address /sys/class/net/eth1/address /run/secret
for file in /root /run/secret /run/more /data/file; do
	if (echo >>$file) 2>/dev/null; then echo "$file is writable"; else echo "$file is not"; fi
done
dd if=/dev/zero of=/data/file bs=64k count=32 2>/dev/null || echo "/data is full"
stat -c '%s bytes' /data/file
cat /proc/1/environ | grep -c LIBVIRT_LXC_NAME`)
	d := s.started(spec)
	got := s.says("ready")
	for _, want := range []string{
		one + "\n" + two + "\nnot for all\n", "/root is not\n", "/run/secret is not\n", "/run/more is writable\n",
		"/data/file is writable\n", "/data is full\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not see %q:\n%s", want, got)
		}
	}
	if got := must.Get[host.Domain](t)(s.Domain(t.Context(), d.UUID)); got.Interfaces[1].Filter != "clean-traffic" {
		t.Errorf("the interfaces are %+v", got.Interfaces)
	}
}

// The kernel enforces the memory, and gives the processors' time of as many processors as there are
// vCPUs. Redefined limits hold from the next start on.
func TestRealLimitsAreEnforced(t *testing.T) {
	s := open(t)
	spec := s.spec()
	spec.VCPUs = 2
	s.does(&spec, `for size in 16 128; do
	if dd if=/dev/zero of=/dev/null bs=${size}M count=1 2>/dev/null
	then echo "$size MiB"; else echo "killed at $size"; fi
done`)
	d := s.started(spec)
	if got := s.says("ready"); !strings.HasPrefix(got, "16 MiB\n") || !strings.Contains(got, "killed at 128\n") {
		t.Errorf("with 64 MiB it gets\n%s", got)
	}
	limits := func(when string, bytes, quota string) {
		t.Helper()
		if got := s.limit(d, "memory", "memory.limit_in_bytes", "memory.max"); got != bytes {
			t.Errorf("%s, its memory is limited to %s bytes, want %s", when, got, bytes)
		}
		got := s.limit(d, "cpu", "cpu.cfs_quota_us", "cpu.max")
		if got != quota && got != quota+" 100000" {
			t.Errorf("%s, its quota is %s, want %s", when, got, quota)
		}
	}
	limits("started", fmt.Sprint(64<<20), "200000")
	vcpus, memory := 1, uint64(96)
	s.done(s.RedefineDomain(t.Context(), d.UUID, host.DomainChange{Sockets: &vcpus, MemoryMiB: &memory}))
	limits("redefined", fmt.Sprint(64<<20), "200000")
	s.done(s.DestroyDomain(t.Context(), d.UUID))
	s.done(s.StartDomain(t.Context(), d.UUID))
	limits("started again", fmt.Sprint(96<<20), "100000")
}

// Process 1 gets SIGTERM, and what it writes then is in the volume. A system's init is asked by
// /dev/initctl, which this one does not have.
func TestRealStopBySignal(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	spec := s.spec()
	s.does(&spec, "")
	d := s.started(spec)
	s.says("ready")
	s.done(s.SignalContainer(ctx, d.UUID, host.SignalHangUp))
	s.says("HUP")
	s.done(s.ShutdownDomain(ctx, d.UUID, host.ShutdownInit))
	if state := must.Get[host.State](t)(s.DomainState(ctx, d.UUID)); state != host.StateRunning {
		t.Errorf("an application that was asked as an init is %s", state)
	}
	s.done(s.ShutdownDomain(ctx, d.UUID, host.ShutdownSignal))
	s.becomes(d.UUID, host.StateShutoff)
	if got := s.says("TERM"); got != "ready\nHUP\nTERM\n" {
		t.Errorf("it has said\n%s", got)
	}
	s.done(s.ShutdownDomain(ctx, d.UUID, host.ShutdownSignal)) // it is off
}

// Two containers may stand on one image. A container whose process 1 ends is off.
func TestRealContainersShareAnImage(t *testing.T) {
	s := open(t)
	one, two := s.spec(), s.spec()
	two.Filesystems = append(two.Filesystems,
		host.Filesystem{Kind: host.FilesystemImage, Source: s.root.Path, Target: "/run/lower", ReadOnly: true})
	s.does(&two, "ls /run/lower/init; grep -c ' /run/lower ext4 ro' /proc/mounts; exit 3")
	first, second := s.started(one), s.started(two)
	s.says("/run/lower/init\n1")
	s.becomes(second.UUID, host.StateShutoff)
	s.becomes(first.UUID, host.StateRunning)
}

// Metadata and paths come back as they were given, whatever characters are in them.
func TestRealTextsAreEscaped(t *testing.T) {
	s := open(t)
	ctx := t.Context()
	const odd = `a&b <c> "d" 'e' äö€ ]]>`
	spec := s.spec()
	spec.Title, spec.Description = odd, odd+"\nline 2\t"
	spec.Metadata = `<n:instance xmlns:n="urn:novacron:instance:1" a="&quot;&lt;&amp;&#39;">` +
		`a&amp;b &lt;c&gt; "d" 'e' äö€ ]]&gt;&#13;</n:instance>`
	file := s.file("a&b <c> ' äö", "odd\n")
	file.Target = "/run/<t> & ' ä"
	spec.Filesystems = append(spec.Filesystems, file)
	s.does(&spec, `cat "/run/<t> & ' ä"`)
	d := s.started(spec)
	s.says("odd\nready")
	read := must.Get[host.Domain](t)(s.Domain(ctx, d.UUID))
	if read.Title != spec.Title || read.Description != spec.Description || read.Filesystems[2] != file {
		t.Errorf("it is read as %q, %q, %+v", read.Title, read.Description, read.Filesystems)
	}
	for _, text := range []string{`a="&quot;&lt;&amp;`, `äö€ ]]&gt;`} {
		if !strings.Contains(read.Metadata, text) {
			t.Errorf("the metadata lack %q: %s", text, read.Metadata)
		}
	}
	s.done(s.RedefineDomain(ctx, d.UUID, host.DomainChange{Metadata: &spec.Metadata}))
	again := must.Get[host.Domain](t)(s.Domain(ctx, d.UUID))
	if again.Metadata != read.Metadata {
		t.Errorf("set on their own, the metadata are\n%s, want\n%s", again.Metadata, read.Metadata)
	}
	log := must.Get[[]byte](t)(os.ReadFile(os.Getenv("NOVACRON_TESTHOST_ROOT") + "/log/lxc/" + d.Name + ".log"))
	if strings.Contains(string(log), "odd\n") {
		t.Errorf("libvirt's log has what the container says:\n%s", log)
	}
}
