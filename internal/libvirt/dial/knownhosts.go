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

// systemKnownHosts are the files that every user of OpenSSH's client has beside those in ~/.ssh; see ssh_config(5),
// GlobalKnownHostsFile.
var systemKnownHosts = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}

// knownHosts has the keys of hosts that are known, out of files in the format of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
type knownHosts struct {
	file        string // where a new key belongs
	check       ssh.HostKeyCallback
	authorities map[place]bool    // lines with the key of an authority instead of a host's own
	copies      map[string]string // the files that copies were read in the place of
}

// place is a line of a file.
type place struct {
	file string
	line int
}

// openKnownHosts reads the given file, or else those of OpenSSH's client that exist.
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
		if given == "" && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && slices.Contains(systemKnownHosts, file)) {
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

// read notes what the lines of a file are, and names the file to use: a copy where there are lines that OpenSSH skips, such
// as those of a type of keys that came later, or of SSH 1, or names in capitals. The library would refuse the whole file for one
// of the former, and not find the latter.
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

// longest is how many bytes a line may have for the library, with its end.
const longest = 64<<10 - 1

// parseKnownHost returns a line as the library takes it, nil for one that OpenSSH skips or that names no host, and its marker.
// OpenSSH takes names for the same in capitals and in small letters.
func parseKnownHost(line []byte) (marker string, sound []byte) {
	marker, hosts, key, _, _, err := ssh.ParseKnownHosts(line)
	switch {
	case err != nil:
		return marker, nil
	case marker == "revoked": // for all hosts: the library does not look at the names
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
		return name == "" || name[0] == '|' || name[0] == '[' && err != nil // in brackets is a host with its port
	})
	if len(hosts) == 0 {
		return marker, nil
	}
	return marker, bytes.Replace(line, []byte(names), []byte(strings.ToLower(strings.Join(hosts, ","))), 1)
}

// hashed tells whether a name is |1|SALT|HASH, both in base64.
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
	// The key of a certificate may be known by itself.
	if certificate, ok := key.(*ssh.Certificate); ok && k.accept(address, remote, certificate.Key) == nil {
		return nil
	}
	return k.explain(address, key, err)
}

// withoutPort is the host at SSH's own port: OpenSSH looks there as well where the host is not known at its port.
func withoutPort(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, portSSH)
}

// algorithms are those that a host is asked for, the ones first that its known keys have: a host shows one of its keys
// only, and OpenSSH may have written down another. Certificates are asked for where their authority is known.
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

// known are the keys that are known of an address. The library tells them where it is shown another one.
func (k *knownHosts) known(address string) []knownhosts.KnownKey {
	if known, ok := errors.AsType[*knownhosts.KeyError](k.check(address, &net.TCPAddr{IP: net.IPv4zero}, noKey{})); ok {
		return known.Want
	}
	return nil
}

// original is the file that a copy was read in the place of.
func (k *knownHosts) original(file string) string { return cmp.Or(k.copies[file], file) }

// noKey is a key that no host has.
type noKey struct{}

// Type implements ssh.PublicKey.
func (noKey) Type() string { return "none" }

// Marshal implements ssh.PublicKey.
func (noKey) Marshal() []byte { return nil }

// Verify implements ssh.PublicKey.
func (noKey) Verify([]byte, *ssh.Signature) error { return errors.New("there is no key") }
