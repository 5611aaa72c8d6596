package dial

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// sshd is OpenSSH's server, with one process per connection, as inetd would start it.
type sshd struct {
	address string
	dir     string
	uri     string // of a daemon behind it, with the user's key; options are appended
}

// keyTypes are the types of host keys, by ssh-keygen's names. Short keys are faster to create.
var (
	keyTypes = []string{"rsa", "ecdsa", "ed25519"}
	bits     = map[string][]string{"rsa": {"-b", "2048"}}
)

// startSSHD starts a server with host keys of these types, and a daemon that it forwards to. If the
// key of an authority is given, the server has a certificate for each host key.
func startSSHD(t *testing.T, authority string, types ...string) *sshd {
	t.Helper()
	const program = "/usr/sbin/sshd"
	needs.Installed(t, program)
	me := must.Get[*user.User](t)(user.Current())
	if me.Uid == "0" { // sshd confines itself there until a user has logged in; the package creates it at boot
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &sshd{dir: t.TempDir()}
	socket := listen(t, "unix", filepath.Join(s.dir, "daemon"), func(c net.Conn) { greet(c) })
	config := fmt.Sprintf("UsePAM yes\nStrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n"+
		"KbdInteractiveAuthentication no\nAuthorizedKeysFile %s\n", s.path("user.pub"))
	for _, kind := range types {
		needs.Tool(t, append([]string{"ssh-keygen", "-q", "-t", kind, "-N", "", "-f", s.path("host_" + kind)},
			bits[kind]...)...)
		config += "HostKey " + s.path("host_"+kind) + "\n"
		if authority != "" {
			needs.Tool(t, "ssh-keygen", "-q", "-s", authority, "-h", "-I", kind, "-n", "127.0.0.1", "-V", "+1h",
				s.path("host_"+kind+".pub"))
			config += "HostCertificate " + s.path("host_"+kind+"-cert.pub") + "\n"
		}
	}
	needs.Tool(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.path("user"))
	file := writeFile(t, s.path("sshd_config"), []byte(config))
	s.address = listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		defer c.Close()
		connection, err := c.(*net.TCPConn).File()
		if err != nil {
			t.Error(err)
			return
		}
		defer connection.Close()
		cmd := exec.CommandContext(t.Context(), program, "-i", "-f", file, "-E", s.path("log"))
		cmd.Stdin, cmd.Stdout = connection, connection
		_ = cmd.Run() // the client reports its errors
	})
	s.uri = fmt.Sprintf("qemu+ssh://%s@%s/system?socket=%s&keyfile=%s", me.Username, s.address, socket, s.path("user"))
	t.Cleanup(func() {
		if log, err := os.ReadFile(s.path("log")); err == nil && t.Failed() {
			t.Logf("sshd says:\n%s", log)
		}
	})
	return s
}

func (s *sshd) path(name string) string { return filepath.Join(s.dir, name) }

// public returns the public host key of a type: its type and base64.
func (s *sshd) public(t *testing.T, kind string) string {
	t.Helper()
	fields := strings.Fields(string(must.Get[[]byte](t)(os.ReadFile(s.path("host_" + kind + ".pub")))))
	return fields[0] + " " + fields[1]
}

// knowing returns the server's URI with a known_hosts file of these lines.
func (s *sshd) knowing(t *testing.T, lines ...string) string {
	t.Helper()
	return s.uri + "&known_hosts=" + writeFile(t, filepath.Join(t.TempDir(), "known hosts"),
		[]byte(strings.Join(lines, "\n")+"\n"))
}

// At first contact OpenSSH records one of a host's keys, and not the one that Go's package would
// ask for.
func TestRealSSHOneKnownKeyWillDo(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	s := startSSHD(t, "", keyTypes...)
	host := knownhosts.Normalize(s.address)
	for _, kind := range keyTypes {
		t.Run(kind, func(t *testing.T) {
			wantGreeting(t, s.knowing(t, host+" "+s.public(t, kind)))
			wantGreeting(t, s.knowing(t, knownhosts.HashHostname(host)+" "+s.public(t, kind)))
			alone := startSSHD(t, "", kind)
			wantGreeting(t, alone.knowing(t, knownhosts.Normalize(alone.address)+" "+alone.public(t, kind)))
		})
		t.Run("as OpenSSH writes down "+kind, func(t *testing.T) {
			name, port, err := net.SplitHostPort(s.address)
			if err != nil {
				t.Fatal(err)
			}
			known := filepath.Join(t.TempDir(), "known")
			needs.Installed(t, "ssh")
			// This logs no user in, but the client records the host's key before that.
			_ = exec.CommandContext(t.Context(), "ssh", "-F", "none", "-p", port, "-o", "PreferredAuthentications=none",
				"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new", "-o", "UserKnownHostsFile="+known,
				"-o", "GlobalKnownHostsFile=none", "-o", "HostKeyAlgorithms="+strings.Fields(s.public(t, kind))[0]+
					",rsa-sha2-512", "-o", "UpdateHostKeys=no", "-o", "HashKnownHosts=yes", name).Run()
			if lines := strings.Count(string(must.Get[[]byte](t)(os.ReadFile(known))), "\n"); lines != 1 {
				t.Errorf("OpenSSH has written %d lines, want one", lines)
			}
			wantGreeting(t, s.uri+"&known_hosts="+known)
		})
	}
	key := s.public(t, "ed25519")
	for form, line := range map[string]string{
		"with a comment":        host + "\t" + key + " root@kvm1",
		"without the port":      "127.0.0.1 " + key,
		"a pattern":             "127.0.0.* " + key,
		"any host":              "* " + key,
		"one that is not meant": "!127.0.0.2,127.0.0.? " + key,
		"several":               "kvm1,[kvm1]:22," + host + " " + key,
		"of Windows":            host + " " + key + "\r",
	} {
		t.Run(form, func(t *testing.T) { wantGreeting(t, s.knowing(t, line)) })
	}
	t.Run("in capitals", func(t *testing.T) {
		known := s.knowing(t, strings.Replace(host, "127.0.0.1", "localhost", 1)+" "+key)
		wantGreeting(t, strings.Replace(known, "127.0.0.1", "LOCALHOST", 1))
		known = s.knowing(t, "KVM1,"+strings.Replace(host, "127.0.0.1", "LocalHost", 1)+" "+key)
		wantGreeting(t, strings.Replace(known, "127.0.0.1", "localhost", 1))
	})
}

// A line that OpenSSH skips must not hide the others.
func TestRealSSHLinesThatOpenSSHSkips(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("TMPDIR", t.TempDir())
	s := startSSHD(t, "", keyTypes...)
	host, key := knownhosts.Normalize(s.address), s.public(t, "rsa")
	uri := s.knowing(t, "# a comment", "", "   # another",
		host+" 1024 35 127312735298347", // of SSH 1
		host+" ssh-later AAAACXNzaC1sYXRlcgAAAAQxMjM0", host+" ssh-ed25519 not/base64!", host+" ssh-ed25519", host,
		"|2|abcd|efgh "+key, "|1|abcd "+key, "|1|abcde|efgh= "+key, "|1||efgh "+key, "[127.0.0.1] "+key, ", "+key,
		"kvm1 "+key+" "+strings.Repeat("long ", 20_000), "! "+key, "[127.0.0.1 "+key, "@unheard-of "+host+" "+key,
		"@revoked "+host+" ssh-later AAAACXNzaC1sYXRlcgAAAAQxMjM0", host+" ssh-dss "+strings.Fields(key)[1],
		host+" "+key)
	wantGreeting(t, uri)
	if left := must.Get[[]string](t)(filepath.Glob(filepath.Join(os.TempDir(), "novacron-*"))); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// The error says whether the host's key or the user's was refused.
func TestRealSSHRefusals(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	s, other := startSSHD(t, "", keyTypes...), startSSHD(t, "", keyTypes...)
	single := startSSHD(t, "", "rsa")
	host, alone := knownhosts.Normalize(s.address), knownhosts.Normalize(single.address)
	const ofUser = "the key must be in the SSH agent"
	for name, c := range map[string]struct {
		uri  string
		says []string
	}{
		"unknown": {
			s.knowing(t, "kvm1 "+s.public(t, "rsa")),
			[]string{host + " is not known: it shows", "SHA256:", "ssh-keyscan -p "},
		},
		"known at another port": {s.knowing(t, "[127.0.0.1]:1 "+s.public(t, "rsa")),
			[]string{host + " is not known"}},
		"not meant": {s.knowing(t, "!127.0.0.1,* "+s.public(t, "rsa")),
			[]string{host + " is not known"}},
		"another key": {
			s.knowing(t, host+" "+other.public(t, "rsa")),
			[]string{
				host + " is not the known one: it shows ssh-rsa SHA256:", "line 1, has ssh-rsa SHA256:",
				"ssh-keygen -R '" + host + "'",
			},
		},
		"another key, among others": {
			s.knowing(t, "junk", host+" "+other.public(t, "rsa"), host+" "+other.public(t, "ed25519")),
			[]string{"is not the known one", "known hosts, line 2, has"},
		},
		"another type": {single.knowing(t, alone+" "+s.public(t, "ed25519")),
			[]string{alone + " is not the known one: it shows ssh-rsa SHA256:", "has ssh-ed25519 SHA256:"}},
		"revoked": {s.knowing(t, host+" "+s.public(t, "rsa"), "@revoked * "+s.public(t, "rsa")),
			[]string{host + " is revoked by", "line 2"}},
		"revoked of no name": {s.knowing(t, host+" "+s.public(t, "rsa"), "@revoked [127.0.0.1] "+s.public(t, "rsa")),
			[]string{host + " is revoked by", "line 2"}},
		"revoked at length": {
			s.knowing(t, "@revoked |1|x|y "+s.public(t, "rsa")+strings.Repeat(" long", 20_000),
				host+" "+s.public(t, "rsa")), []string{host + " is revoked by", "line 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialURI(t, c.uri)
			if !errors.As(err, new(*HostKeyError)) {
				t.Fatalf("got %v, want an error about the host's key", err)
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%v\ndoes not say %q", err, says)
				}
			}
			if strings.Contains(err.Error(), ofUser) {
				t.Errorf("the error is about the user's key: %v", err)
			}
		})
	}
	known := s.knowing(t, host+" "+s.public(t, "rsa"))
	_, err := dialURI(t, strings.Replace(known, s.path("user"), other.path("user"), 1))
	if err == nil || !strings.Contains(err.Error(), ofUser) || errors.As(err, new(*HostKeyError)) {
		t.Errorf("a user whose key is wrong is told: %v", err)
	}
	silent := listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { c.Close() })
	if _, err := dialURI(t, strings.Replace(known, s.address, silent, 1)); err == nil ||
		strings.Contains(err.Error(), ofUser) {
		t.Errorf("a server that hangs up gives: %v", err)
	}
}

// A host may show a certificate, which counts only if its authority is known.
func TestRealSSHCertificates(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	dir := t.TempDir()
	authority := filepath.Join(dir, "authority")
	needs.Tool(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", authority)
	s := startSSHD(t, authority, "rsa", "ecdsa")
	ca := strings.TrimSpace(string(must.Get[[]byte](t)(os.ReadFile(authority + ".pub"))))
	wantGreeting(t, s.knowing(t, "@cert-authority * "+ca))
	wantGreeting(t, s.knowing(t, "nonsense", "@cert-authority "+knownhosts.Normalize(s.address)+" "+ca))
	wantGreeting(t, s.knowing(t, knownhosts.Normalize(s.address)+" "+s.public(t, "ecdsa")))
	// The host shows a certificate, but its authority is not among the known ones; the host's key is
	// known.
	other := strings.TrimSpace(string(must.Get[[]byte](t)(os.ReadFile(s.path("user.pub")))))
	wantGreeting(t, s.knowing(t, "@cert-authority * "+other, knownhosts.Normalize(s.address)+" "+s.public(t, "rsa"),
		knownhosts.Normalize(s.address)+" "+s.public(t, "ecdsa")))
	plain := startSSHD(t, "", "rsa")
	wantGreeting(t, plain.knowing(t, "@cert-authority * "+ca, knownhosts.Normalize(plain.address)+" "+
		plain.public(t, "rsa")))
	for what, known := range map[string]string{
		"another authority":      "@cert-authority * " + plain.public(t, "rsa"),
		"an authority of others": "@cert-authority kvm1 " + ca,
	} {
		if _, err := dialURI(t, s.knowing(t, known)); !errors.As(err, new(*HostKeyError)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Without ?known_hosts=, the files of OpenSSH's client are used.
func TestRealSSHFilesOfOpenSSH(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	s := startSSHD(t, "", keyTypes...)
	home := t.TempDir()
	t.Setenv("HOME", home)
	global := filepath.Join(t.TempDir(), "ssh_known_hosts")
	defer func(before []string) { systemKnownHosts = before }(systemKnownHosts)
	systemKnownHosts = []string{global}
	if _, err := dialURI(t, s.uri); err == nil ||
		!strings.Contains(err.Error(), "add it to "+filepath.Join(home, ".ssh", "known_hosts")) {
		t.Errorf("without any file: %v", err)
	}
	line := knownhosts.Normalize(s.address) + " " + s.public(t, "rsa") + "\n"
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{
		global, filepath.Join(home, ".ssh", "known_hosts2"), filepath.Join(home, ".ssh", "known_hosts"),
	} {
		writeFile(t, file, []byte(line))
		wantGreeting(t, s.uri)
		writeFile(t, file, nil)
	}
	writeFile(t, filepath.Join(home, "mine"), []byte(line))
	writeFile(t, filepath.Join(home, "key"), must.Get[[]byte](t)(os.ReadFile(s.path("user"))))
	wantGreeting(t, strings.Replace(s.uri, s.path("user"), "~/key", 1)+"&known_hosts=~/mine")
}
