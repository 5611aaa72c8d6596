package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// dialSSH opens an SSH connection and, through it, the daemon's UNIX socket on
// the other machine. The SSH server has to allow stream-local forwarding, as
// OpenSSH does by default.
func (t target) dialSSH(ctx context.Context) (net.Conn, error) {
	config, done, err := t.sshConfig(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	address := net.JoinHostPort(t.host, t.port)
	tcp, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	c, err := throughSSH(tcp, address, config, t.sockets)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return c, nil
}

func throughSSH(tcp net.Conn, address string, config *ssh.ClientConfig, sockets []string) (net.Conn, error) {
	transport, channels, requests, err := ssh.NewClientConn(tcp, address, config)
	if err != nil {
		return nil, fmt.Errorf("SSH as user %q: %w (the key must be in the SSH agent or an unencrypted file, see ?keyfile=; ~/.ssh/config is not read)", config.User, err)
	}
	client := ssh.NewClient(transport, channels, requests)
	c, err := firstSocket(sockets, func(path string) (net.Conn, error) {
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

// tunnel closes the SSH connection together with its only channel.
type tunnel struct {
	net.Conn
	client *ssh.Client
}

// Close closes the SSH connection, which closes the channel too; closing the
// channel alone waits for a peer that may have gone.
func (t *tunnel) Close() error { return t.client.Close() }

// sshConfig gathers keys and known hosts. done ends the use of the SSH agent.
func (t target) sshConfig(ctx context.Context) (config *ssh.ClientConfig, done func(), err error) {
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
		file := defaulted(t.options["known_hosts"], filepath.Join(home, ".ssh", "known_hosts"))
		if config.HostKeyCallback, err = knownhosts.New(file); err != nil {
			return nil, done, fmt.Errorf("reading the known hosts: %w (add the host with ssh-keyscan, or name another file with ?known_hosts=)", err)
		}
	}
	signers, err := keySigners(t.options["keyfile"], home)
	if err != nil {
		return nil, done, err
	}
	if path := os.Getenv("SSH_AUTH_SOCK"); path != "" {
		if c, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
			done = func() { c.Close() }
			// An agent that does not answer is as good as none: the key files
			// may do, and if not, the server's refusal is the error that counts.
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

// keySigners reads the given key file, or else those of the default ones that
// exist and are not encrypted.
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
