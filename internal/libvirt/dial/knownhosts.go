package dial

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// systemKnownHosts are the files that OpenSSH's client reads for every user, besides those in
// ~/.ssh; see ssh_config(5), GlobalKnownHostsFile.
var systemKnownHosts = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}

// knownHosts holds the keys of known hosts, from files in the format of sshd(8), SSH_KNOWN_HOSTS
// FILE FORMAT.
type knownHosts struct {
	file        string // the file to add a new key to
	check       ssh.HostKeyCallback
	authorities map[place]bool    // lines that hold an authority's key instead of a host's
	copies      map[string]string // copies, and the files that they replace
}

// place is a line of a file.
type place struct {
	file string
	line int
}

// openKnownHosts reads the given file, or otherwise those files of OpenSSH's client that exist.
func openKnownHosts(given, home string) (*knownHosts, error) {
	k := &knownHosts{file: given, authorities: map[place]bool{}, copies: map[string]string{}}
	files := []string{given}
	if given == "" {
		k.file = filepath.Join(home, ".ssh", "known_hosts")
		files = append([]string{k.file, k.file + "2"}, systemKnownHosts...)
	}
	var readable []string
	defer func() {
		for temporary := range k.copies {
			_ = os.Remove(temporary)
		}
	}()
	for _, file := range files {
		name, err := k.read(file)
		if given == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) &&
			slices.Contains(systemKnownHosts, file)) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the known hosts: %w (another file is named with ?known_hosts=)", err)
		}
		readable = append(readable, name)
	}
	var err error
	if k.check, err = knownhosts.New(readable...); err != nil {
		return nil, fmt.Errorf("reading the known hosts: %w", err)
	}
	return k, nil
}

// read records the lines of a file and names the file to use. That is a copy if the file has lines
// that OpenSSH skips, such as keys of a later type or of SSH 1, or names in capitals. The library
// would refuse the whole file because of such keys, and would not find such names.
func (k *knownHosts) read(file string) (name string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	differs := false
	for n, line := range lines {
		if said := bytes.TrimSpace(line); len(said) == 0 || said[0] == '#' {
			continue
		}
		marker, sound := parseKnownHost(line)
		if marker == "cert-authority" && sound != nil {
			k.authorities[place{file, n + 1}] = true
		}
		if !bytes.Equal(sound, line) {
			lines[n], differs = append(bytes.TrimRight(sound, "\r\n"), '\n'), true
		}
	}
	if !differs {
		return file, nil
	}
	temporary, err := os.CreateTemp("", "novacron-known-hosts-*")
	if err != nil {
		return "", err
	}
	k.copies[temporary.Name()] = file
	_, err = temporary.Write(bytes.Join(lines, nil))
	return temporary.Name(), errors.Join(err, temporary.Close())
}

// longest is the maximum length of a line that the library accepts, including its end.
const longest = 64<<10 - 1

// parseKnownHost returns a line's marker, and the line in the form that the library accepts, or nil
// if OpenSSH skips the line or it names no host. OpenSSH ignores case in names.
func parseKnownHost(line []byte) (marker string, sound []byte) {
	marker, hosts, key, _, _, err := ssh.ParseKnownHosts(line)
	switch {
	case err != nil:
		return marker, nil
	case marker == "revoked": // it applies to all hosts, because the library does not look at the names
		return marker, append([]byte("@revoked * "), ssh.MarshalAuthorizedKey(key)...)
	case len(line) > longest || marker != "" && marker != "cert-authority":
		return marker, nil
	}
	names := strings.Join(hosts, ",")
	if strings.HasPrefix(names, "|") {
		if !hashed(names) {
			return marker, nil
		}
		return marker, line
	}
	hosts = slices.DeleteFunc(hosts, func(name string) bool {
		name = strings.TrimPrefix(name, "!")
		_, _, err := net.SplitHostPort(name)
		// a name in brackets is a host with its port
		return name == "" || name[0] == '|' || name[0] == '[' && err != nil
	})
	if len(hosts) == 0 {
		return marker, nil
	}
	return marker, bytes.Replace(line, []byte(names), []byte(strings.ToLower(strings.Join(hosts, ","))), 1)
}

// hashed reports whether a name is |1|SALT|HASH, with SALT and HASH in base64.
func hashed(name string) bool {
	parts := strings.Split(name, "|")
	if len(parts) != 4 || parts[1] != "1" {
		return false
	}
	for _, part := range parts[2:] {
		if text, err := base64.StdEncoding.DecodeString(part); err != nil || len(text) == 0 {
			return false
		}
	}
	return true
}

// accept is an ssh.HostKeyCallback. Its errors are *HostKeyError.
func (k *knownHosts) accept(address string, remote net.Addr, key ssh.PublicKey) error {
	err := k.check(address, remote, key)
	if err == nil {
		return nil
	}
	var known *knownhosts.KeyError
	refused := errors.As(err, new(*knownhosts.RevokedError)) || errors.As(err, &known) && len(known.Want) > 0
	if other := withoutPort(address); !refused && other != address && k.check(other, remote, key) == nil {
		return nil
	}
	// The key of a certificate may itself be known.
	if certificate, ok := key.(*ssh.Certificate); ok && k.accept(address, remote, certificate.Key) == nil {
		return nil
	}
	return k.explain(address, key, err)
}

// withoutPort returns the host at SSH's own port: if a host is unknown at its port, OpenSSH looks
// there as well.
func withoutPort(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, portSSH)
}

// algorithms returns the algorithms to ask a host for, those of its known keys first: a host shows
// only one of its keys, and OpenSSH may have recorded another one. Certificates are included if
// their authority is known.
func (k *knownHosts) algorithms(address string) []string {
	known := k.known(address)
	if len(known) == 0 {
		known = k.known(withoutPort(address))
	}
	var first, certificates, others []string
	for _, key := range known {
		switch kind := key.Key.Type(); {
		case k.authorities[place{k.original(key.Filename), key.Line}]:
			certificates = nil
			for _, algorithm := range ssh.SupportedAlgorithms().HostKeys {
				if isCertificate(algorithm) {
					certificates = append(certificates, algorithm)
				}
			}
		case kind == ssh.KeyAlgoRSA:
			first = append(first, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA)
		default:
			first = append(first, kind)
		}
	}
	for _, algorithm := range ssh.SupportedAlgorithms().HostKeys {
		if !isCertificate(algorithm) && !slices.Contains(first, algorithm) {
			others = append(others, algorithm)
		}
	}
	return slices.Concat(certificates, first, others)
}

func isCertificate(algorithm string) bool {
	return strings.HasSuffix(algorithm, "-cert-v01@openssh.com")
}

// known returns the known keys of an address. The library reports them when it is shown a different
// key.
func (k *knownHosts) known(address string) []knownhosts.KnownKey {
	if known, ok := errors.AsType[*knownhosts.KeyError](k.check(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{})); ok {
		return known.Want
	}
	return nil
}

// original returns the file that a copy replaces.
func (k *knownHosts) original(file string) string { return cmp.Or(k.copies[file], file) }

// noKey is a key that no host has.
type noKey struct{}

// Type implements ssh.PublicKey.
func (noKey) Type() string { return "none" }

// Marshal implements ssh.PublicKey.
func (noKey) Marshal() []byte { return nil }

// Verify implements ssh.PublicKey.
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("there is no key") }
