package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// dialSSH opens an SSH connection and, through it, the daemon's UNIX socket on the other machine.
// The SSH server must allow stream-local forwarding, as OpenSSH does by default.
func (t Target) dialSSH(ctx context.Context) (net.Conn, error) {
	config, done, err := t.sshConfig(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	address := net.JoinHostPort(t.host, t.port)
	tcp, err := network().DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	c, err := t.throughSSH(tcp, address, config)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return c, nil
}

func (t Target) throughSSH(tcp net.Conn, address string, config *ssh.ClientConfig) (net.Conn, error) {
	transport, channels, requests, err := handshake(tcp, address, config)
	if err != nil {
		return nil, err
	}
	client := ssh.NewClient(transport, channels, requests)
	c, err := t.firstSocket(func(path string) (net.Conn, error) {
		c, err := client.Dial("unix", path)
		if err != nil {
			return nil, fmt.Errorf("opening %s through SSH: %w", path, err)
		}
		return c, nil
	})
	if err != nil {
		return nil, err
	}
	return &tunnel{Conn: c, client: client}, nil
}

// handshake opens an SSH connection. Its error advises on the cause: the connection, the host's key
// or the user's.
func handshake(
	tcp net.Conn, address string, config *ssh.ClientConfig,
) (ssh.Conn, <-chan ssh.NewChannel, <-chan *ssh.Request, error) {
	trusted := false
	mine := *config
	mine.HostKeyCallback = func(address string, remote net.Addr, key ssh.PublicKey) error {
		err := config.HostKeyCallback(address, remote, key)
		trusted = err == nil
		return err
	}
	// names in known_hosts are in lower case
	transport, channels, requests, err := ssh.NewClientConn(tcp, strings.ToLower(address), &mine)
	var refused *HostKeyError
	switch {
	case errors.As(err, &refused):
		err = refused
	case err != nil && trusted && !broken(err):
		err = fmt.Errorf("SSH as user %q: %w (the key must be in the SSH agent or an unencrypted file, see "+
			"?keyfile=; ~/.ssh/config is not read)", config.User, err)
	case err != nil:
		err = fmt.Errorf("SSH: %w", err)
	}
	return transport, channels, requests, err
}

// broken reports whether an error comes from the connection, and not from the other side's answer.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.As(err, new(net.Error))
}

// tunnel closes the SSH connection together with its only channel.
type tunnel struct {
	net.Conn
	client *ssh.Client
}

// Close closes the SSH connection, which closes the channel too. Closing only the channel would
// wait for a peer that may be gone.
func (t *tunnel) Close() error { return t.client.Close() }

// sshConfig gathers keys and known hosts. done ends the use of the SSH agent.
func (t Target) sshConfig(ctx context.Context) (config *ssh.ClientConfig, done func(), err error) {
	done = func() {}
	config = &ssh.ClientConfig{User: t.user}
	if config.User == "" {
		me, err := user.Current()
		if err != nil {
			return nil, done, fmt.Errorf("finding the user's name: %w", err)
		}
		config.User = me.Username
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, done, fmt.Errorf("finding SSH keys: %w", err)
	}
	if t.options["no_verify"] == "1" {
		config.HostKeyCallback = ssh.InsecureIgnoreHostKey() //nolint:gosec // the user's explicit choice
	} else {
		known, err := openKnownHosts(expanded(t.options["known_hosts"], home), home)
		if err != nil {
			return nil, done, err
		}
		config.HostKeyCallback = known.accept
		config.HostKeyAlgorithms = known.algorithms(strings.ToLower(net.JoinHostPort(t.host, t.port)))
	}
	signers, err := keySigners(expanded(t.options["keyfile"], home), home)
	if err != nil {
		return nil, done, err
	}
	if path := os.Getenv("SSH_AUTH_SOCK"); path != "" {
		if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
			done = func() { c.Close() }
			// An agent that does not answer counts as no agent: the key files may be enough, and if not, the
			// server's refusal is the error that matters.
			held, _ := agent.NewClient(c).Signers()
			signers = append(signers, held...)
		}
	}
	if len(signers) == 0 {
		return nil, done, errors.New("no SSH key found: start an SSH agent or name an unencrypted key with ?keyfile=")
	}
	config.Auth = []ssh.AuthMethod{ssh.PublicKeys(signers...)}
	return config, done, nil
}

// expanded returns a URI's path with a leading ~/ replaced by the user's home, as in OpenSSH.
func expanded(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(home, rest)
	}
	return path
}

// keySigners reads the given key file, or otherwise those of the default files that exist and are
// not encrypted.
func keySigners(given, home string) ([]ssh.Signer, error) {
	if given != "" {
		signer, err := readKey(given)
		if err != nil {
			return nil, err
		}
		return []ssh.Signer{signer}, nil
	}
	var signers []ssh.Signer
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		signer, err := readKey(filepath.Join(home, ".ssh", name))
		switch {
		case err == nil:
			signers = append(signers, signer)
		case errors.Is(err, fs.ErrNotExist), errors.As(err, new(*ssh.PassphraseMissingError)):
		default:
			return nil, err
		}
	}
	return signers, nil
}

func readKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading the SSH key %s: %w", path, err)
	}
	return signer, nil
}
