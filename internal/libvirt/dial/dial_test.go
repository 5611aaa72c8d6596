package dial

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// greeting is what the daemons in these tests send. They answer nothing else.
const greeting = "libvirtd"

// wantGreeting dials the URI and reads the daemon's greeting.
func wantGreeting(t *testing.T, uri string) {
	t.Helper()
	c, err := dialURI(t, uri)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(greeting))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != greeting {
		t.Errorf("got %q, %v", got, err)
	}
	c.Close()
	if _, err := c.Read(got); err == nil {
		t.Error("it can be read after being closed")
	}
}

func dialURI(t *testing.T, uri string) (net.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return must.Get[Target](t)(Parse(uri)).Dial(ctx)
}

// listen accepts connections and serves each one, and returns its address.
func listen(t *testing.T, network, address string, serve func(net.Conn)) string {
	t.Helper()
	l := must.Get[net.Listener](t)(net.Listen(network, address))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func greet(c io.Writer) { _, _ = io.WriteString(c, greeting) }

func TestTCP(t *testing.T) {
	address := listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) { greet(c) })
	wantGreeting(t, "qemu+tcp://"+address+"/system")
}

func writeFile(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// writePKI creates a CA and a certificate for both sides.
func writePKI(t *testing.T) (dir string, pair tls.Certificate, ca *x509.CertPool) {
	t.Helper()
	dir = t.TempDir()
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der := must.Get[[]byte](t)(x509.CreateCertificate(rand.Reader, tmpl, tmpl, public, private))
	key := must.Get[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))
	writeFile(t, filepath.Join(dir, "cacert.pem"), pemOf("CERTIFICATE", der))
	cert := writeFile(t, filepath.Join(dir, "clientcert.pem"), pemOf("CERTIFICATE", der))
	file := writeFile(t, filepath.Join(dir, "clientkey.pem"), pemOf("PRIVATE KEY", key))
	ca = x509.NewCertPool()
	ca.AddCert(must.Get[*x509.Certificate](t)(x509.ParseCertificate(der)))
	return dir, must.Get[tls.Certificate](t)(tls.LoadX509KeyPair(cert, file)), ca
}

func TestTLS(t *testing.T) {
	dir, pair, ca := writePKI(t)
	other, _, _ := writePKI(t)
	config := &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: ca, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12,
	}
	server := func(verdict byte) (uri string) {
		return "qemu+tls://" + listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
			s := tls.Server(c, config)
			_, _ = s.Write([]byte{verdict})
			greet(s)
		}) + "/system?pkipath="
	}
	uri := server(1)
	wantGreeting(t, uri+dir)

	_, err := dialURI(t, uri+other)
	if !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("a server that nobody knows gives %v", err)
	}
	_, err = dialURI(t, uri+t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "pkipath") {
		t.Errorf("without a CA: %v", err)
	}
	if strings.Contains(err.Error(), "qemu+ssh") {
		t.Errorf("who asks for TLS is asked whether they mean SSH: %v", err)
	}
	unnamed := strings.Replace(uri, "qemu+tls", "qemu", 1)
	wantGreeting(t, unnamed+dir)
	for what, uri := range map[string]string{
		"no CA": unnamed + t.TempDir(), "nothing there": "qemu://127.0.0.1:1/system?pkipath=" + dir,
	} {
		if _, err := dialURI(t, uri); err == nil ||
			!strings.Contains(err.Error(), "did you mean SSH, qemu+ssh://127.0.0.1/system?") {
			t.Errorf("who names no transport, with %s, is told %v", what, err)
		}
	}
	t.Setenv("HOME", filepath.Dir(dir))
	wantGreeting(t, uri+"~/"+filepath.Base(dir))
	_, err = dialURI(t, server(0)+dir)
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a server that refuses gives %v", err)
	}
}

// sshServer forwards UNIX sockets for a user with the key, as OpenSSH does.
func sshServer(t *testing.T, host ssh.Signer, user ssh.PublicKey) string {
	t.Helper()
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions,
		error) {
		if c.User() == "root" && string(key.Marshal()) == string(user.Marshal()) {
			return &ssh.Permissions{}, nil
		}
		return nil, errors.New("unknown key")
	}}
	config.AddHostKey(host)
	return listen(t, "tcp", "127.0.0.1:0", func(c net.Conn) {
		_, channels, requests, err := ssh.NewServerConn(c, config)
		if err != nil {
			return
		}
		go ssh.DiscardRequests(requests)
		for wanted := range channels {
			var to struct {
				Path     string
				Reserved string
				Port     uint32
			}
			// direct-streamlocal@openssh.com: PROTOCOL, section 2.4, of OpenSSH.
			if err := ssh.Unmarshal(wanted.ExtraData(), &to); err != nil ||
				wanted.ChannelType() != "direct-streamlocal@openssh.com" {
				_ = wanted.Reject(ssh.UnknownChannelType, "no")
				continue
			}
			if to.Path != "/run/there" {
				_ = wanted.Reject(ssh.ConnectionFailed, "no such socket")
				continue
			}
			channel, extra, err := wanted.Accept()
			if err != nil {
				return
			}
			go ssh.DiscardRequests(extra)
			greet(channel)
		}
	})
}

func newKey(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	block := must.Get[*pem.Block](t)(ssh.MarshalPrivateKey(private, ""))
	return must.Get[ssh.Signer](t)(ssh.NewSignerFromKey(private)), pem.EncodeToMemory(block)
}

func TestSSH(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("SSH_AUTH_SOCK", "")
	host, _ := newKey(t)
	user, text := newKey(t)
	_, wrong := newKey(t)
	address := sshServer(t, host, user.PublicKey())

	key := writeFile(t, filepath.Join(dir, "key"), text)
	wrongKey := writeFile(t, filepath.Join(dir, "wrong"), wrong)
	known := writeFile(t, filepath.Join(dir, "known"),
		[]byte(knownhosts.Line([]string{address}, host.PublicKey())+"\n"))
	none := writeFile(t, filepath.Join(dir, "none"), nil)
	base := "qemu+ssh://root@" + address + "/system?socket=/run/there"

	wantGreeting(t, base+"&keyfile="+key+"&known_hosts="+known)
	wantGreeting(t, base+"&keyfile="+key+"&no_verify=1")
	if err := os.Mkdir(filepath.Join(dir, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, ".ssh", "id_ed25519"), text)
	writeFile(t, filepath.Join(dir, ".ssh", "known_hosts"), must.Get[[]byte](t)(os.ReadFile(known)))
	wantGreeting(t, base)

	for uri, reason := range map[string]string{
		base + "&keyfile=" + wrongKey:                          "root",
		base + "&keyfile=" + filepath.Join(dir, "no-such-key"): "no-such-key",
		base + "&known_hosts=" + none:                          "is not known",
		base + "&known_hosts=" + none + "missing":              "known_hosts",
		strings.Replace(base, "there", "elsewhere", 1):         "elsewhere",
	} {
		if _, err := dialURI(t, uri); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v, want an error about %q", uri, err, reason)
		}
	}
}

func TestModularDaemonsAreFound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if err := os.Mkdir(filepath.Join(dir, "libvirt"), 0o700); err != nil {
		t.Fatal(err)
	}
	listen(t, "unix", filepath.Join(dir, "libvirt", "virtqemud-sock"), func(c net.Conn) { greet(c) })
	wantGreeting(t, "qemu:///session")
}

// The driver of containers has the same daemon, or one of its own beside that of machines.
func TestContainersHaveADaemonOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	machines, containers := filepath.Join(dir, "virtqemud-sock"), filepath.Join(dir, "virtlxcd-sock")
	target := must.Get[Target](t)(Parse("qemu+unix:///system?socket=" + machines)).Containers()
	if target.Remote() != "lxc:///system" || !slices.Equal(target.sockets, []string{containers}) {
		t.Errorf("it is %+v", target)
	}
	dialled := func() error {
		c, err := target.Dial(t.Context())
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := dialled(); err == nil || errors.Is(err, host.ErrNoDriver) {
		t.Errorf("without a daemon: %v", err)
	}
	one := must.Get[net.Listener](t)(net.Listen("unix", machines))
	defer one.Close()
	if err := dialled(); !errors.Is(err, host.ErrNoDriver) {
		t.Errorf("with a daemon of machines: %v", err)
	}
	if err := os.WriteFile(containers, nil, 0o600); err != nil { // as what a daemon leaves that has died
		t.Fatal(err)
	}
	if err := dialled(); !errors.Is(err, host.ErrDriverDown) || errors.Is(err, host.ErrNoDriver) {
		t.Errorf("with a daemon of containers that does not answer: %v", err)
	}
	if err := os.Remove(containers); err != nil {
		t.Fatal(err)
	}
	two := must.Get[net.Listener](t)(net.Listen("unix", containers))
	defer two.Close()
	if err := dialled(); err != nil {
		t.Errorf("with both daemons: %v", err)
	}
	single := must.Get[Target](t)(Parse("qemu+unix:///system?socket=/a/libvirt-sock")).Containers()
	if !slices.Equal(single.sockets, []string{"/a/libvirt-sock"}) || len(single.others) > 0 {
		t.Errorf("a daemon with all drivers is %+v", single)
	}
}
