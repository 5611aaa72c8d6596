//go:build linux

package container

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

func parseAddr(text string) (netip.Addr, error) { return netip.ParseAddr(text) }

const mac = "52:54:00:12:34:56"

// segment is a network with a router, 192.0.2.1, in a namespace of its own.
type segment struct {
	t    *testing.T
	name string
}

func newSegment(t *testing.T) *segment {
	t.Helper()
	needs.Installed(t, "ip")
	s := &segment{t, "nova" + strconv.Itoa(os.Getpid()) + strings.ReplaceAll(filepath.Base(t.TempDir()), "/", "")}
	run(t, "ip", "netns", "add", s.name)
	t.Cleanup(func() { run(t, "ip", "netns", "del", s.name) })
	return s
}

// connect gives a container an interface whose name is not the one that it is to have.
func (s *segment) connect(pid int) {
	run(s.t, "ip", "-n", s.name, "link", "add", "port", "type", "veth", "peer", "name", "any0", "address", mac, "netns", strconv.Itoa(pid))
	run(s.t, "ip", "-n", s.name, "address", "add", "192.0.2.1/24", "dev", "port")
	run(s.t, "ip", "-n", s.name, "address", "add", "2001:db8::1/64", "dev", "port", "nodad")
	run(s.t, "ip", "-n", s.name, "link", "set", "port", "up")
}

func TestStaticAddresses(t *testing.T) {
	net := newSegment(t)
	b := newBox(t)
	config := script("ip -o addr show eth0; ip route; ip -6 route; cat /sys/class/net/eth0/mtu; ping -c 1 -W 5 192.0.2.1 && " +
		"ping6 -c 1 -W 5 2001:db8::1 && echo reached; nc -l -p 80 -e true & sleep 0.1; echo | nc 127.0.0.1 80 && echo port 80; cat /etc/hosts")
	config.Process.UID = 1000
	config.Network.Interfaces = []initd.Interface{{
		Name: "eth0", MAC: strings.ToUpper(mac), MTU: 1400,
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("2001:db8::7/64")},
		Routes: []initd.Route{
			{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.1")},
			{To: netip.MustParsePrefix("198.51.100.0/24")},
			{To: netip.MustParsePrefix("::/0"), Via: netip.MustParseAddr("2001:db8::1")},
		},
	}}
	b.start(config, net.connect)
	b.exit()
	log := b.log()
	for _, want := range []string{
		"inet 192.0.2.7/24 brd 192.0.2.255", "inet6 2001:db8::7/64", "default via 192.0.2.1 dev eth0", "198.51.100.0/24 dev eth0",
		"default via 2001:db8::1 dev eth0", "1400\n", "reached", "port 80", "192.0.2.7\tweb-1",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing", want)
		}
	}
	s := b.status()
	if len(s.Interfaces) != 1 || s.Interfaces[0].Name != "eth0" ||
		fmt.Sprint(s.Interfaces[0].Addresses) != "[192.0.2.7/24 2001:db8::7/64]" {
		t.Errorf("the interfaces are %+v", s.Interfaces)
	}
	if t.Failed() {
		t.Logf("%s\n%+v", log, s.Error)
	}
}

func TestALeaseIsKept(t *testing.T) {
	needs.Installed(t, "dnsmasq")
	net := newSegment(t)
	b := newBox(t)
	config := script("echo started; while [ ! -s /etc/resolv.conf ]; do sleep 0.01; done; cat /etc/resolv.conf; ip route; exec sleep 1000")
	config.Network.Interfaces = []initd.Interface{{Name: "lan0", MAC: mac, DHCP: true}}
	b.start(config, net.connect)
	b.until("running without a lease", func(s initd.Status) bool { return s.State == initd.StateRunning })
	b.printed("started")
	leases := filepath.Join(t.TempDir(), "leases")
	server := exec.Command("ip", "netns", "exec", net.name, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
		"--no-ping", "--user=root", "--log-facility=-", "--log-dhcp", "--dhcp-leasefile="+leases, "--dhcp-range=192.0.2.50,192.0.2.60,2m",
		"--dhcp-option=option:T1,1", "--dhcp-option=option:dns-server,192.0.2.53", "--domain=example.org", "--dhcp-authoritative")
	var served strings.Builder
	server.Stdout, server.Stderr = &served, &served
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			t.Log(served.String(), b.log())
		}
	})
	s := b.until("an address", func(s initd.Status) bool { return len(s.Interfaces) == 1 && len(s.Interfaces[0].Addresses) == 1 })
	address := s.Interfaces[0].Addresses[0]
	if !strings.HasPrefix(address, "192.0.2.5") && !strings.HasPrefix(address, "192.0.2.60") || s.Interfaces[0].Name != "lan0" {
		t.Errorf("the interfaces are %+v", s.Interfaces)
	}
	b.printed("nameserver 192.0.2.53")
	b.printed("default via 192.0.2.1 dev lan0")
	if log := b.log(); !strings.Contains(log, "search example.org") {
		t.Error(log)
	}
	lease := string(must.Get[[]byte](t)(os.ReadFile(leases)))
	if !strings.Contains(lease, " web-1 ") || !strings.Contains(lease, "01:"+mac) {
		t.Errorf("the server knows %s", lease)
	}
	first := s.Sequence
	b.until("a renewal", func(s initd.Status) bool {
		return s.Sequence > first && len(s.Interfaces[0].Addresses) == 1 && s.Interfaces[0].Addresses[0] == address
	})
}
