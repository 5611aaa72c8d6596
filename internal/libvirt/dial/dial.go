package dial

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Dial opens the network connection to the daemon. go-libvirt's own dialers take no context, and
// its ssh dialer leaves the SSH connection open when its channel is closed.
func (t Target) Dial(ctx context.Context) (net.Conn, error) {
	if t.absent {
		return nil, fmt.Errorf("%w: it is a daemon in session mode", host.ErrNoDriver)
	}
	switch t.transport {
	case "tcp":
		return network().DialContext(ctx, "tcp", net.JoinHostPort(t.host, t.port))
	case "tls":
		return t.dialTLS(ctx)
	case "ssh":
		return t.dialSSH(ctx)
	default:
		return t.dialUnix(ctx)
	}
}

func (t Target) dialUnix(ctx context.Context) (net.Conn, error) {
	c, err := t.firstSocket(func(path string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	})
	switch {
	case host.Driverless(err):
		return nil, err
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%w (is the user in the group libvirt?)", err)
	case err != nil:
		return nil, fmt.Errorf("%w (is libvirtd running?)", err)
	}
	return c, nil
}

// firstSocket tries the sockets in order and reports the first one's error. If instead a daemon for
// another driver answers, it returns host.ErrNoDriver if the sockets do not exist, and otherwise
// host.ErrDriverDown.
func (t Target) firstSocket(dial func(path string) (net.Conn, error)) (net.Conn, error) {
	var first error
	for _, path := range t.sockets {
		c, err := dial(path)
		if err == nil {
			return c, nil
		}
		first = cmp.Or(first, err)
	}
	for _, path := range t.others {
		if c, err := dial(path); err == nil {
			c.Close()
			if errors.Is(first, fs.ErrNotExist) {
				return nil, fmt.Errorf("%w of containers: its daemon is not installed (%w)", host.ErrNoDriver, first)
			}
			return nil, fmt.Errorf("%w of containers: its daemon does not answer (%w)", host.ErrDriverDown, first)
		}
	}
	return nil, first
}

// dialTLS follows https://libvirt.org/kbase/tlscerts.html. After the handshake
// the server sends one byte: 1 when it accepts the client's certificate.
func (t Target) dialTLS(ctx context.Context) (net.Conn, error) {
	config, err := t.tlsConfig()
	if err != nil {
		return nil, err
	}
	c, err := (&tls.Dialer{NetDialer: network(), Config: config}).DialContext(ctx, "tcp",
		net.JoinHostPort(t.host, t.port))
	if refused := (*net.OpError)(nil); errors.As(err, &refused) && refused.Op == "dial" {
		return nil, fmt.Errorf("%w%s", err, t.orSSH())
	}
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	verdict := make([]byte, 1)
	_, err = io.ReadFull(c, verdict)
	if !stop() {
		err = ctx.Err()
	}
	if err == nil && verdict[0] != 1 {
		err = errors.New("the server refused the client's certificate")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// orSSH suggests SSH to a user who named no transport, which means TLS.
func (t Target) orSSH() string {
	if t.named {
		return ""
	}
	host := t.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return fmt.Sprintf(". A URI like %s means TLS: did you mean SSH, qemu+ssh://%s%s?",
		t.uri, host, strings.TrimPrefix(t.remote, "qemu://"))
}

// pki holds the paths of certificates: libvirt has three places for them, with different layouts.
type pki struct{ ca, cert, key string }

func (t Target) pkiPlaces() []pki {
	flat := func(dir string) pki {
		return pki{
			filepath.Join(dir, "cacert.pem"), filepath.Join(dir, "clientcert.pem"), filepath.Join(dir, "clientkey.pem"),
		}
	}
	home, err := os.UserHomeDir()
	if dir := t.options["pkipath"]; dir != "" {
		return []pki{flat(expanded(dir, home))}
	}
	places := []pki{
		{"/etc/pki/CA/cacert.pem", "/etc/pki/libvirt/clientcert.pem", "/etc/pki/libvirt/private/clientkey.pem"},
	}
	if err == nil && os.Geteuid() != 0 {
		places = append([]pki{flat(filepath.Join(home, ".pki", "libvirt"))}, places...)
	}
	return places
}

// tlsConfig takes the CA and the client's certificate each from the first place that has one. A
// client certificate is optional, because servers may not ask for one.
func (t Target) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	config.InsecureSkipVerify = t.options["no_verify"] == "1" // the user chose it
	for _, place := range t.pkiPlaces() {
		if config.RootCAs == nil {
			switch text, err := os.ReadFile(place.ca); {
			case err == nil:
				config.RootCAs = x509.NewCertPool()
				if !config.RootCAs.AppendCertsFromPEM(text) {
					return nil, fmt.Errorf("%s holds no certificate", place.ca)
				}
			case !errors.Is(err, fs.ErrNotExist):
				return nil, fmt.Errorf("reading the CA certificate: %w", err)
			}
		}
		if config.Certificates == nil {
			switch pair, err := tls.LoadX509KeyPair(place.cert, place.key); {
			case err == nil:
				config.Certificates = []tls.Certificate{pair}
			case !errors.Is(err, fs.ErrNotExist):
				return nil, fmt.Errorf("reading the client certificate: %w", err)
			}
		}
	}
	if config.RootCAs == nil && !config.InsecureSkipVerify {
		return nil, fmt.Errorf("no CA certificate found at %s; name its directory with ?pkipath=%s",
			t.pkiPlaces()[0].ca, t.orSSH())
	}
	return config, nil
}
