package initd

import (
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"
)

// maxSignal is the largest number of a signal on Linux.
const maxSignal = 64

func (c *Config) validate() error {
	for _, rule := range []func() error{
		c.validateKind, c.validateMounts, c.validateFiles, c.validateNetwork, c.validateProcess, c.validateHealth,
	} {
		if err := rule(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(err error, field string, args ...any) error {
	return &ConfigError{Field: fmt.Sprintf(field, args...), Err: err}
}

func (c *Config) validateKind() error {
	switch {
	case c.Upper != UpperDisk && c.Upper != UpperMemory:
		return wrong(fmt.Errorf("%q is not a place to write to", c.Upper), "upper")
	case c.System && !c.Privileged:
		return wrong(errors.New("a system container has to be privileged"), "privileged")
	case c.System && (len(c.Process.Args) > 0 || c.Health != nil || c.Restart != ""):
		return wrong(errors.New("a system container has no process of its own, health check or restart"), "system")
	case !c.System && len(c.Seed) > 0:
		return wrong(errors.New("only a system container reads it"), "seed")
	case !c.Privileged && c.Users.First == 0:
		return wrong(errors.New("the host's root must not stand for a user of the container"), "users.first")
	case !c.Privileged && c.Users.Count == 0:
		return wrong(errors.New("there is no id for root"), "users.count")
	case uint64(c.Users.First)+uint64(c.Users.Count) > MaxID+1:
		return wrong(fmt.Errorf("the last id is above %d", uint64(MaxID)), "users")
	case strings.ContainsAny(c.Hostname, " \t\n\x00/") || len(c.Hostname) > 64:
		return wrong(fmt.Errorf("%q is not a host name", c.Hostname), "hostname")
	}
	for name := range c.Seed {
		if name == "" || name != path.Base(name) || name[0] == '.' || strings.Contains(name, "\x00") {
			return wrong(fmt.Errorf("%q is not the name of a file", name), "seed")
		}
	}
	return nil
}

// ownPaths are mounted by nova-init itself.
var ownPaths = []string{"/proc", "/sys", "/dev"}

func (c *Config) validateMounts() error {
	seen := map[string]bool{}
	mount := func(at string) error {
		if err := absolute(at); err != nil {
			return err
		}
		for _, own := range ownPaths {
			if at == "/" || at == own || strings.HasPrefix(at, own+"/") && at != "/dev/shm" {
				return fmt.Errorf("nothing can be mounted at %s", at)
			}
		}
		if seen[at] {
			return fmt.Errorf("%s is mounted twice", at)
		}
		seen[at] = true
		return nil
	}
	names := map[string]bool{}
	for i, d := range c.Disks {
		if d.Name == "" || d.Name != path.Base(d.Name) || d.Name[0] == '.' || strings.Contains(d.Name, "\x00") ||
			names[d.Name] {
			return wrong(fmt.Errorf("%q is not a name, or the name of two disks", d.Name), "disks[%d].name", i)
		}
		names[d.Name] = true
		if err := mount(d.Path); err != nil {
			return wrong(err, "disks[%d].path", i)
		}
	}
	for i, t := range c.Tmpfs {
		if err := mount(t.Path); err != nil {
			return wrong(err, "tmpfs[%d].path", i)
		}
		if t.Size <= 0 {
			return wrong(fmt.Errorf("%d bytes hold nothing", t.Size), "tmpfs[%d].size", i)
		}
		if t.Mode > 0o7777 {
			return wrong(fmt.Errorf("%#o is not a mode", t.Mode), "tmpfs[%d].mode", i)
		}
	}
	return nil
}

func absolute(file string) error {
	if !path.IsAbs(file) || path.Clean(file) != file || strings.Contains(file, "\x00") {
		return fmt.Errorf("%q is not an absolute path in its shortest form", file)
	}
	return nil
}

func (c *Config) validateFiles() error {
	for i, f := range c.Files {
		if err := absolute(f.Path); err != nil {
			return wrong(err, "files[%d].path", i)
		}
		if f.Mode > 0o7777 {
			return wrong(fmt.Errorf("%#o is not a mode", f.Mode), "files[%d].mode", i)
		}
		if err := c.ids(f.UID, f.GID); err != nil {
			return wrong(err, "files[%d]", i)
		}
	}
	return nil
}

// ids refuses ids that have no counterpart on the host.
func (c *Config) ids(ids ...uint32) error {
	for _, id := range ids {
		if id > MaxID || !c.Privileged && id >= c.Users.Count {
			return fmt.Errorf("id %d is outside of the container's ids", id)
		}
	}
	return nil
}

func (c *Config) validateNetwork() error {
	macs, names := map[string]bool{}, map[string]bool{}
	for i, n := range c.Network.Interfaces {
		mac, err := net.ParseMAC(n.MAC)
		if err != nil {
			return wrong(err, "network.interfaces[%d].mac", i)
		}
		// IFNAMSIZ of linux/if.h is 16, with the zero at the end.
		if n.Name == "" || len(n.Name) > 15 || strings.ContainsAny(n.Name, " \t\n/:\x00") || n.Name == "." ||
			n.Name == ".." || n.Name == "lo" {
			return wrong(fmt.Errorf("%q is not the name of an interface", n.Name), "network.interfaces[%d].name", i)
		}
		if names[n.Name] || macs[mac.String()] {
			return wrong(errors.New("another interface has this name or MAC address"), "network.interfaces[%d]", i)
		}
		names[n.Name], macs[mac.String()] = true, true
		for j, a := range n.Addresses {
			if !a.IsValid() || a.Addr().Zone() != "" {
				return wrong(fmt.Errorf("%v is not an address with a prefix", a),
					"network.interfaces[%d].addresses[%d]", i, j)
			}
		}
		for j, r := range n.Routes {
			if !r.To.IsValid() || r.Via.IsValid() && r.Via.Is4() != r.To.Addr().Is4() {
				return wrong(fmt.Errorf("%v by %v is not a route", r.To, r.Via), "network.interfaces[%d].routes[%d]",
					i, j)
			}
		}
	}
	for i, h := range c.Network.Hosts {
		if !h.Address.IsValid() || len(h.Names) == 0 || slices.ContainsFunc(h.Names, blank) {
			return wrong(fmt.Errorf("%v is not a line of /etc/hosts", h), "network.hosts[%d]", i)
		}
	}
	for i, s := range c.Network.Search {
		if blank(s) {
			return wrong(fmt.Errorf("%q is not a domain", s), "network.search[%d]", i)
		}
	}
	return nil
}

// blank reports whether a word is empty, or would be two.
func blank(word string) bool { return word == "" || strings.ContainsAny(word, " \t\r\n\v\f\x00#") }

func (c *Config) validateProcess() error {
	if c.System {
		return nil
	}
	if len(c.Process.Args) == 0 || c.Process.Args[0] == "" {
		return wrong(errors.New("there is nothing to run"), "process.args")
	}
	if slices.ContainsFunc(c.Process.Args, hasZero) {
		return wrong(errors.New("an argument contains a zero byte"), "process.args")
	}
	for i, e := range c.Process.Env {
		if name, _, found := strings.Cut(e, "="); !found || name == "" || hasZero(e) {
			return wrong(errors.New("it is not a variable with a value"), "process.env[%d]",
				i) // its value may be secret
		}
	}
	if c.Process.Dir != "" {
		if err := absolute(c.Process.Dir); err != nil {
			return wrong(err, "process.dir")
		}
	}
	if err := c.ids(append([]uint32{c.Process.UID, c.Process.GID}, c.Process.Groups...)...); err != nil {
		return wrong(err, "process")
	}
	switch c.Restart {
	case "", RestartNo, RestartOnFailure, RestartAlways:
	default:
		return wrong(fmt.Errorf("%q is not a policy", c.Restart), "restart")
	}
	if c.Stop.Signal < 0 || c.Stop.Signal > maxSignal {
		return wrong(fmt.Errorf("%d is not a signal", c.Stop.Signal), "stop.signal")
	}
	if c.Stop.Timeout < 0 || c.Stop.Timeout > maxMillis {
		return wrong(fmt.Errorf("%d ms is not a time to wait", c.Stop.Timeout), "stop.timeout_ms")
	}
	return nil
}

// maxMillis is the longest time in a configuration, in milliseconds: a year. Its nanoseconds are far
// from what a time.Duration holds, even a few times over.
const maxMillis = 366 * 24 * 60 * 60 * 1000

func hasZero(text string) bool { return strings.Contains(text, "\x00") }

func (c *Config) validateHealth() error {
	h := c.Health
	if h == nil {
		return nil
	}
	switch {
	case len(h.Args) == 0 || h.Args[0] == "" || slices.ContainsFunc(h.Args, hasZero):
		return wrong(errors.New("there is nothing to run"), "health.args")
	case h.Interval <= 0 || h.Interval > maxMillis:
		return wrong(fmt.Errorf("%d ms is not an interval", h.Interval), "health.interval_ms")
	case h.Timeout <= 0 || h.Timeout > maxMillis:
		return wrong(fmt.Errorf("%d ms is not a time to wait", h.Timeout), "health.timeout_ms")
	case h.StartPeriod < 0 || h.StartPeriod > maxMillis:
		return wrong(fmt.Errorf("%d ms is not a time to wait", h.StartPeriod), "health.start_period_ms")
	case h.Retries < 1:
		return wrong(fmt.Errorf("%d failures make nothing unhealthy", h.Retries), "health.retries")
	}
	return nil
}
