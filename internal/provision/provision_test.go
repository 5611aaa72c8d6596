package provision

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestUsableAddressesAreThoseThatOthersReach(t *testing.T) {
	nics := []catalog.NIC{{Name: "eth0", MAC: "52:54:00:00:00:0A"}, {Name: "eth1", MAC: "52:54:00:00:00:0b"}}
	at := func(mac, ip string) host.Address {
		return host.Address{MAC: "52:54:00:00:00:" + mac, IP: ip}
	}
	for name, c := range map[string]struct {
		found []host.Address
		want  []string
	}{
		"none":                     {nil, nil},
		"IPv4 first, then by card": {[]host.Address{at("0b", "2001:db8::2"), at("0b", "10.0.0.2"), at("0a", "2001:db8::1"), at("0a", "10.0.0.1")}, []string{"10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"}},
		"two on one card":          {[]host.Address{at("0a", "10.0.0.9"), at("0a", "10.0.0.1")}, []string{"10.0.0.9", "10.0.0.1"}},
		"said twice":               {[]host.Address{at("0a", "10.0.0.1"), at("0a", "10.0.0.1")}, []string{"10.0.0.1"}},
		"link-local and loopback":  {[]host.Address{at("0a", "fe80::1"), at("0a", "169.254.1.1"), at("0a", "127.0.0.1")}, nil},
		"other cards":              {[]host.Address{at("ff", "172.17.0.1"), {IP: "10.0.0.1"}}, nil},
		"no address":               {[]host.Address{at("0a", "")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var want []netip.Addr
			for _, a := range c.want {
				want = append(want, netip.MustParseAddr(a))
			}
			if got := usable(c.found, nics); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestWhatAGuestWroteIsShownButNotKept(t *testing.T) {
	err := error(&ReadinessError{Instance: "web", Condition: WaitIP, Waited: 90 * time.Second, LastSeen: "no lease", Console: "password: x", Err: errors.New("the guest is crashed")})
	const said = `instance "web" was not ready: condition "ip" was not met after 1m30s; last seen: no lease: the guest is crashed`
	if text := err.Error(); !strings.HasPrefix(text, said) || !strings.Contains(text, "password: x") {
		t.Errorf("it says %q", text)
	}
	if text := cause(errors.Join(err)); text != said {
		t.Errorf("kept is %q, want %q", text, said)
	}
	if text := cause(errors.New("other")); text != "other" {
		t.Errorf("kept is %q", text)
	}
}

func TestConsoleTextDoesNotMoveTheCursor(t *testing.T) {
	if got := printable([]byte("a\x1b[2Jb\r\n\tc\x00\xff\x7fd ü")); got != "a[2Jb\n\tcd ü" {
		t.Errorf("got %q", got)
	}
}

func TestNamesOnTheHostTellTenantsApart(t *testing.T) {
	for want, got := range map[string]string{
		"web":                           naming.Domain("default", "web"),
		"t1.web":                        naming.Domain("t1", "web"),
		"nova.disk.t1.web.system.qcow2": naming.Disk("t1", "web", "system", "qcow2"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, volume := range []string{naming.Disk("t1", "web-2", "a", "raw"), naming.Disk("t2", "web", "a", "raw"), naming.Seed("t1", "we")} {
		if slices.ContainsFunc(naming.InstancePrefixes("t1", "web"), func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%q is taken for one of t1/web", volume)
		}
	}
	for _, volume := range []string{naming.Disk("t1", "web", "a", "raw"), naming.Seed("t1", "web"), naming.Console("t1", "web") + ".0"} {
		if !slices.ContainsFunc(naming.InstancePrefixes("t1", "web"), func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%q is not taken for one of t1/web", volume)
		}
	}
}
