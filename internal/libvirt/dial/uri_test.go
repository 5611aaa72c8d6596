package dial

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestURIs(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	const system = "/var/run/libvirt/libvirt-sock,/var/run/libvirt/virtqemud-sock"
	for _, c := range []struct {
		uri, remote, transport, host, port, user, sockets string
	}{
		{"qemu:///system", "qemu:///system", "unix", "", "", "", system},
		{
			"qemu:///session", "qemu:///session", "unix", "", "", "",
			"/run/user/7/libvirt/libvirt-sock,/run/user/7/libvirt/virtqemud-sock",
		},
		{"qemu+unix:///system?socket=/a/b", "qemu:///system", "unix", "", "", "", "/a/b"},
		{"qemu+tcp://h/system", "qemu:///system", "tcp", "h", "16509", "", system},
		{"qemu+tcp://[::1]:99/system", "qemu:///system", "tcp", "::1", "99", "", system},
		{"qemu://h/system", "qemu:///system", "tls", "h", "16514", "", system},
		{"qemu+tls://h/system?pkipath=/p&no_verify=1", "qemu:///system", "tls", "h", "16514", "", system},
		{"qemu+ssh://u@h:2222/session?keyfile=/k&no_tty=1", "qemu:///session", "ssh", "h", "2222", "u", system},
	} {
		got, err := Parse(c.uri)
		if err != nil {
			t.Errorf("%s: %v", c.uri, err)
			continue
		}
		if got.uri != c.uri || got.remote != c.remote || got.transport != c.transport || got.host != c.host ||
			got.port != c.port || got.user != c.user || !slices.Equal(got.sockets, strings.Split(c.sockets, ",")) {
			t.Errorf("%s is read as %+v", c.uri, got)
		}
	}
}

func TestBadURIsAreExplained(t *testing.T) {
	for uri, reason := range map[string]string{
		"":                                  "driver",
		"/system":                           "driver",
		"xen:///system":                     "driver",
		"qemu:///":                          "/system or /session",
		"qemu:///system/x":                  "/system or /session",
		"qemu+carrier-pigeon://h/system":    "transport",
		"qemu+ssh:///system":                "host",
		"qemu+unix://h/system":              "host",
		"qemu+tcp://u@h/system":             "user",
		"qemu://u@h/system":                 "qemu+ssh://u@h/system",
		"qemu+ssh://u:geheim@h/system":      "password",
		"qemu+ssh://u:geheim@h:x/system":    "parsed",
		"qemu+tcp://h/system?keyfile=/k":    "keyfile",
		"qemu+tls://h/system?no_verify=yes": "no_verify",
		"qemu:///system?sock=/a":            "sock",
	} {
		_, err := Parse(uri)
		if !errors.As(err, new(*URIError)) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: got %v, want a URIError about %q", uri, err, reason)
		} else if strings.Contains(err.Error(), "geheim") {
			t.Errorf("%q: the error tells the password: %v", uri, err)
		}
	}
}
