package initd_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// full is a configuration in which nearly everything is set.
func full() initd.Config {
	return initd.Config{
		Version:  initd.ConfigVersion,
		Revision: "r7",
		Request:  3,
		Hostname: "web-1.example.org",
		Users:    initd.IDRange{First: 100000, Count: 65536},
		Upper:    initd.UpperDisk,
		Disks:    []initd.Disk{{Name: "data", Path: "/var/lib/data"}},
		Tmpfs:    []initd.Tmpfs{{Path: "/run", Size: 16 << 20}, {Path: "/dev/shm", Size: 1, Mode: 0o700}},
		Files:    []initd.File{{Path: "/etc/app.conf", Mode: 0o4640, UID: 1, GID: 2, Content: []byte("\x00\xff<&>")}},
		Network: initd.Network{
			Interfaces: []initd.Interface{{
				Name: "eth0", MAC: "52:54:00:00:00:01", DHCP: true, MTU: 1400,
				Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24"),
					netip.MustParsePrefix("2001:db8::7/64")},
				Routes: []initd.Route{
					{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.1")},
					{To: netip.MustParsePrefix("198.51.100.0/24")},
				},
			}},
			Nameservers: []netip.Addr{netip.MustParseAddr("192.0.2.53")},
			Search:      []string{"example.org"},
			Hosts:       []initd.Host{{Address: netip.MustParseAddr("192.0.2.9"), Names: []string{"db"}}},
		},
		Process: initd.Process{
			Args: []string{"app", "", "<&>\"äö\n"}, Env: []string{"A=", "B=<&>\"äö\n=x"}, Dir: "/srv", UID: 1000,
			GID:    1000,
			Groups: []uint32{7},
		},
		Restart: initd.RestartOnFailure,
		Stop:    initd.Stop{Signal: 3, Timeout: 10_000},
		Health:  &initd.Health{Args: []string{"check"}, Interval: 5000, Timeout: 3000, Retries: 3, StartPeriod: 10_000},
	}
}

func TestAConfigurationArrivesAsItIs(t *testing.T) {
	text := must.Value(full().Marshal())
	got, err := initd.ParseConfig(append(text, make([]byte, 512)...))
	if err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = initd.ReadConfig(strings.NewReader(string(text))); err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := initd.ReadConfig(strings.NewReader(strings.Repeat(" ", initd.MaxConfig+1))); err == nil {
		t.Error("a configuration that is too large is taken")
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*initd.Config)
		field  string
	}{
		"no upper":              {func(c *initd.Config) { c.Upper = "" }, "upper"},
		"system, unprivileged":  {func(c *initd.Config) { c.System = true }, "privileged"},
		"system with a process": {func(c *initd.Config) { c.System, c.Privileged = true, true }, "system"},
		"a seed of a process":   {func(c *initd.Config) { c.Seed = map[string][]byte{"user-data": nil} }, "seed"},
		"a seed that climbs": {func(c *initd.Config) {
			*c = initd.Config{System: true, Privileged: true, Upper: "disk", Seed: map[string][]byte{"../x": nil}}
		}, "seed"},
		"root is root":       {func(c *initd.Config) { c.Users.First = 0 }, "users.first"},
		"no users":           {func(c *initd.Config) { c.Users.Count = 0 }, "users.count"},
		"too many users":     {func(c *initd.Config) { c.Users.First = 1<<32 - 10 }, "users"},
		"a host name of two": {func(c *initd.Config) { c.Hostname = "a b" }, "hostname"},
		"a disk that climbs": {func(c *initd.Config) { c.Disks[0].Name = ".." }, "disks[0].name"},
		"a disk at the root": {func(c *initd.Config) { c.Disks[0].Path = "/" }, "disks[0].path"},
		"a disk in /proc":    {func(c *initd.Config) { c.Disks[0].Path = "/proc/x" }, "disks[0].path"},
		"a path with dots":   {func(c *initd.Config) { c.Disks[0].Path = "/a/../b" }, "disks[0].path"},
		"mounted twice":      {func(c *initd.Config) { c.Tmpfs[0].Path = "/var/lib/data" }, "tmpfs[0].path"},
		"an empty tmpfs":     {func(c *initd.Config) { c.Tmpfs[1].Size = 0 }, "tmpfs[1].size"},
		"a mode of tmpfs":    {func(c *initd.Config) { c.Tmpfs[1].Mode = 0o10000 }, "tmpfs[1].mode"},
		"a relative file":    {func(c *initd.Config) { c.Files[0].Path = "etc/x" }, "files[0].path"},
		"a mode of a file":   {func(c *initd.Config) { c.Files[0].Mode = 1 << 20 }, "files[0].mode"},
		"a file of nobody":   {func(c *initd.Config) { c.Files[0].GID = 65536 }, "files[0]"},
		"no MAC": {func(c *initd.Config) { c.Network.Interfaces[0].MAC = "" },
			"network.interfaces[0].mac"},
		"a long name": {func(c *initd.Config) { c.Network.Interfaces[0].Name = "a234567890123456" },
			"network.interfaces[0].name"},
		"two of one name": {func(c *initd.Config) {
			n := &c.Network
			n.Interfaces = append(n.Interfaces,
				n.Interfaces[0])
		}, "network.interfaces[1]"},
		"no prefix": {func(c *initd.Config) { c.Network.Interfaces[0].Addresses[0] = netip.Prefix{} },
			"network.interfaces[0].addresses[0]"},
		"families mixed": {func(c *initd.Config) { c.Network.Interfaces[0].Routes[0].Via = netip.IPv6Loopback() },
			"network.interfaces[0].routes[0]"},
		"a host of two lines":   {func(c *initd.Config) { c.Network.Hosts[0].Names[0] = "a\nb" }, "network.hosts[0]"},
		"a domain of two":       {func(c *initd.Config) { c.Network.Search[0] = "a b" }, "network.search[0]"},
		"nothing to run":        {func(c *initd.Config) { c.Process.Args = nil }, "process.args"},
		"a zero in an argument": {func(c *initd.Config) { c.Process.Args[1] = "a\x00b" }, "process.args"},
		"a variable of no name": {func(c *initd.Config) { c.Process.Env[1] = "=secret" }, "process.env[1]"},
		"a relative directory":  {func(c *initd.Config) { c.Process.Dir = "srv" }, "process.dir"},
		"a user of nobody":      {func(c *initd.Config) { c.Process.UID = 65536 }, "process"},
		"a group of nobody":     {func(c *initd.Config) { c.Process.Groups[0] = 1 << 31 }, "process"},
		"another policy":        {func(c *initd.Config) { c.Restart = "sometimes" }, "restart"},
		"another signal":        {func(c *initd.Config) { c.Stop.Signal = 65 }, "stop.signal"},
		"a negative time":       {func(c *initd.Config) { c.Stop.Timeout = -1 }, "stop.timeout_ms"},
		"nothing to check":      {func(c *initd.Config) { c.Health.Args = []string{""} }, "health.args"},
		"no interval":           {func(c *initd.Config) { c.Health.Interval = 0 }, "health.interval_ms"},
		"no timeout":            {func(c *initd.Config) { c.Health.Timeout = 1 << 62 }, "health.timeout_ms"},
		"a start in the past":   {func(c *initd.Config) { c.Health.StartPeriod = -1 }, "health.start_period_ms"},
		"no retries":            {func(c *initd.Config) { c.Health.Retries = 0 }, "health.retries"},
	} {
		t.Run(name, func(t *testing.T) {
			config := full()
			c.change(&config)
			_, err := config.Marshal()
			wrong, ok := errors.AsType[*initd.ConfigError](err)
			if !ok || wrong.Field != c.field {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error has the value of a variable: %v", err)
			}
			if config.Version = initd.ConfigVersion; err != nil {
				if _, err = initd.ParseConfig(must.Value(json.Marshal(config))); err == nil {
					t.Error("it is read")
				}
			}
		})
	}
}

func TestOtherVersionsAndFieldsAreRefused(t *testing.T) {
	_, err := initd.ParseConfig([]byte(`{"version": 2, "news": true}`))
	if version, ok := errors.AsType[*initd.VersionError](err); !ok || version.Version != 2 {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "{", "[]", "null", `{"version":1}`, `{"version":1,"upper":"disk","news":true}`,
		`{"version":1,"upper":"disk","process":{"args":["a"],"news":1}}`} {
		if _, err := initd.ParseConfig([]byte(text)); err == nil {
			t.Errorf("%s is taken", text)
		} else if _, ok := errors.AsType[*initd.ConfigError](err); !ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzParseConfig reads anything. What it takes, it renders and reads as the same.
func FuzzParseConfig(f *testing.F) {
	f.Add(must.Value(full().Marshal()))
	f.Add([]byte(`{"version":1,"upper":"memory","privileged":true,"process":{"args":["a"],"env":[],"uid":0,"gid":0}}`))
	f.Add([]byte(`{"version":1,"upper":"disk","privileged":true,"system":true,"seed":{"user-data":"eA=="}}`))
	f.Add([]byte("{}\x00\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := initd.ParseConfig(text)
		if err != nil {
			if _, ok := errors.AsType[*initd.ConfigError](err); !ok {
				t.Errorf("it is no ConfigError: %v", err)
			}
			return
		}
		rendered, err := c.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := initd.ParseConfig(rendered)
		if err != nil || string(must.Value(again.Marshal())) != string(rendered) {
			t.Errorf("%v: %s\nbecomes %+v", err, rendered, again)
		}
	})
}
