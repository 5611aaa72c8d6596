// Package dial opens network connections to libvirt daemons, by libvirt's URIs.
package dial

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Default ports, from https://libvirt.org/remote.html and ssh.
const (
	portTCP = "16509"
	portTLS = "16514"
	portSSH = "22"
)

// Target is a parsed libvirt URI.
type Target struct {
	uri       string // as given
	remote    string // the URI to open on the connected daemon: "qemu:///system"
	transport string // unix, tcp, tls or ssh
	named     bool   // the URI names the transport
	absent    bool   // the daemon cannot have the driver
	host      string
	port      string
	user      string // ssh
	sockets   []string
	others    []string // of daemons for other drivers
	options   map[string]string
}

// optionsOf lists the options of each transport. no_tty is accepted because it always holds:
// nothing here ever prompts.
var optionsOf = map[string][]string{
	"unix": {"socket"},
	"tcp":  {},
	"tls":  {"no_verify", "pkipath"},
	"ssh":  {"keyfile", "known_hosts", "no_tty", "no_verify", "socket"},
}

// URIError says what is wrong with a libvirt URI.
type URIError struct {
	URI    string
	Reason string
}

// Error names the URI and the reason.
func (e *URIError) Error() string { return fmt.Sprintf("libvirt URI %q: %s", e.URI, e.Reason) }

// URI returns the URI in its given form.
func (t Target) URI() string { return t.uri }

// Remote returns the URI to open on the connected daemon: "qemu:///system".
func (t Target) Remote() string { return t.remote }

// Containers returns the target for the driver of containers of the same daemon, or of the same
// machine if each of its drivers has a daemon of its own. If only the daemon of machines is there, or it
// is one in session mode, which cannot have the driver, Dial returns host.ErrNoDriver. If the daemon of
// containers may be there and does not answer, while that of machines does, it returns
// host.ErrDriverDown.
func (t Target) Containers() Target {
	t.absent = t.remote != "qemu:///system"
	t.remote, t.sockets, t.others = "lxc:///system", slices.Clone(t.sockets), nil
	for i, path := range t.sockets {
		if filepath.Base(path) == machineSocket {
			t.sockets[i] = filepath.Join(filepath.Dir(path), containerSocket)
			t.others = append(t.others, path)
		}
	}
	return t
}

// The sockets of the modular daemons for machines and for containers
// (https://libvirt.org/daemons.html). Each daemon has one driver.
const (
	machineSocket   = "virtqemud-sock"
	containerSocket = "virtlxcd-sock"
)

// Parse parses a URI. If the URI is invalid, it returns a *URIError. A URI is
//
//	qemu[+TRANSPORT]://[USER@][HOST][:PORT]/(system|session)[?OPTION=VALUE…]
//
// with the transports unix (default without a host; option socket), tcp, tls (default with a host;
// options pkipath and no_verify) and ssh (options keyfile, known_hosts, socket and no_verify). The
// ssh transport is built in: it uses the SSH agent and unencrypted key files, and reads neither
// ~/.ssh/config nor ProxyJump. The formats are those of https://libvirt.org/uri.html.
func Parse(raw string) (Target, error) {
	bad := func(format string, args ...any) (Target, error) {
		return Target{}, &URIError{URI: raw, Reason: fmt.Sprintf(format, args...)}
	}
	u, err := url.Parse(raw)
	if err != nil {
		// url.Error repeats the URI, which may hold a password.
		return Target{}, &URIError{
			URI: "", Reason: "it cannot be parsed; write it like qemu:///system or qemu+ssh://root@host/system",
		}
	}
	if _, has := u.User.Password(); has {
		raw = u.Redacted()
		return bad("leave the password out; use an SSH key or an SSH agent")
	}
	driver, transport, _ := strings.Cut(u.Scheme, "+")
	if driver != "qemu" {
		return bad("only the driver qemu is supported, for example qemu:///system")
	}
	if u.Path != "/system" && u.Path != "/session" {
		return bad("the path must be /system or /session, not %q", u.Path)
	}
	named := transport != ""
	if !named {
		transport = "unix"
		if u.Host != "" {
			transport = "tls"
		}
	}
	known, ok := optionsOf[transport]
	if !ok {
		return bad("unknown transport %q; use one of unix, tcp, tls, ssh", transport)
	}
	t := Target{
		uri: raw, remote: "qemu://" + u.Path, transport: transport, named: named,
		host: u.Hostname(), port: u.Port(), user: u.User.Username(), options: map[string]string{},
	}
	query := u.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(known, name) {
			return bad("the transport %s has no option %q; it has: %s", transport, name, orNone(known))
		}
		t.options[name] = query.Get(name)
	}
	if v, ok := t.options["no_verify"]; ok && v != "0" && v != "1" {
		return bad("no_verify must be 0 or 1, not %q", v)
	}
	if transport != "ssh" && t.user != "" {
		return bad("only the transport ssh takes a user, as in qemu+ssh://%s@%s%s",
			t.user, cmp.Or(u.Host, "HOST"), u.Path)
	}
	if (transport == "unix") != (u.Host == "") {
		if transport == "unix" {
			return bad("the transport unix takes no host; for another machine use qemu+ssh:// or qemu+tls://")
		}
		return bad("the transport %s needs a host", transport)
	}
	t.port = cmp.Or(t.port, map[string]string{"tcp": portTCP, "tls": portTLS, "ssh": portSSH}[transport])
	t.sockets = socketsFor(transport, u.Path, t.options["socket"])
	return t, nil
}

// socketsFor lists the daemon's sockets to try, in order: libvirtd's, then virtqemud's on hosts
// with modular daemons (https://libvirt.org/daemons.html).
func socketsFor(transport, path, given string) []string {
	if given != "" {
		return []string{given}
	}
	dir := "/var/run/libvirt"
	if path == "/session" && transport == "unix" {
		dir = filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "libvirt")
		if os.Getenv("XDG_RUNTIME_DIR") == "" {
			cache, _ := os.UserCacheDir()
			dir = filepath.Join(cache, "libvirt")
		}
	}
	return []string{filepath.Join(dir, "libvirt-sock"), filepath.Join(dir, machineSocket)}
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
