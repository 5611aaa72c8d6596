package dial

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// HostKeyError says why a host's key is rejected.
type HostKeyError struct {
	Host   string // as known_hosts names it
	Reason string
	Err    error // of package knownhosts
}

func (e *HostKeyError) Error() string { return fmt.Sprintf("the SSH key of %s %s", e.Host, e.Reason) }

func (e *HostKeyError) Unwrap() error { return e.Err }

// explain says what a check found and what to do.
func (k *knownHosts) explain(address string, key ssh.PublicKey, err error) error {
	host := knownhosts.Normalize(address)
	refused := func(format string, args ...any) error {
		return &HostKeyError{Host: host, Reason: fmt.Sprintf(format, args...), Err: err}
	}
	var revoked *knownhosts.RevokedError
	var known *knownhosts.KeyError
	switch {
	case errors.As(err, &revoked):
		return refused("is revoked by %s, line %d", k.original(revoked.Revoked.Filename), revoked.Revoked.Line)
	case !errors.As(err, &known): // about a certificate
		return refused("is a certificate that is not accepted: %v", err)
	case len(known.Want) > 0:
		want := known.Want[0]
		for _, other := range known.Want {
			if other.Key.Type() == key.Type() {
				want = other
			}
		}
		file := k.original(want.Filename)
		return refused("is not the known one: it shows %s, and %s, line %d, has %s. Somebody may be reading along, "+
			"or the host has new keys. If it has, remove the old ones with: ssh-keygen -R '%s' -f %s; then connect "+
			"to it once with ssh", describe(key), file, want.Line, describe(want.Key), host, file)
	}
	name, port, splitErr := net.SplitHostPort(address)
	if splitErr != nil {
		name, port = address, portSSH
	}
	return refused("is not known: it shows %s. Compare that with the host's own, and add it to %s: connect to it "+
		"once with ssh, or use ssh-keyscan -p %s %s. Another file is named with ?known_hosts=", describe(key), k.file,
		port, name)
}

// describe returns the type and fingerprint of a key, as OpenSSH prints them.
func describe(key ssh.PublicKey) string { return key.Type() + " " + ssh.FingerprintSHA256(key) }
