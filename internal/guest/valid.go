package guest

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/cloudinit"
)

const (
	maxHostname = 253 // RFC 1035 2.3.4: 255 octets on the wire
	maxLabel    = 63  // RFC 1035 2.3.4
)

// ValidHostname returns an error that says why name cannot be a guest's host name; nil means it
// can. A host name is one RFC 1123 label or several joined by dots: letters, digits and inner
// hyphens, 1 to 63 characters per label, 253 in all. An IP address has that shape but is refused,
// because RFC 1123 2.1 distinguishes names and addresses.
func ValidHostname(name string) error {
	switch {
	case name == "":
		return errors.New("host name is empty")
	case len(name) > maxHostname:
		return fmt.Errorf("host name is %d characters long; at most %d are allowed", len(name), maxHostname)
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := validLabel(label); err != nil {
			return fmt.Errorf("host name %q: %w", name, err)
		}
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("host name %q is an IP address; use a name", name)
	}
	return nil
}

func validLabel(label string) error {
	switch {
	case label == "":
		return errors.New("a label is empty; remove the leading, trailing or doubled dot")
	case len(label) > maxLabel:
		return fmt.Errorf("label %q is %d characters long; at most %d are allowed", label, len(label), maxLabel)
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("label %q begins or ends with a hyphen", label)
	}
	for _, r := range label {
		if !isAlnum(r) && r != '-' {
			return fmt.Errorf("label %q contains %q; only letters, digits and hyphens are allowed", label, r)
		}
	}
	return nil
}

func isAlnum(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

var (
	errPrivateKey = errors.New("this is a private key, and it would become readable by the guest and by " +
		"everybody who reads the configuration; use the public key (the file that ends in .pub) and replace this key " +
		"if it was shared")
	errKeyOptions = errors.New("the key has options (such as from= or command=), which cloud-init drops " +
		"when it gives the key to root: the key would be unrestricted; use the key without them, or write " +
		"/root/.ssh/authorized_keys from user data")
	errNotKey = errors.New("not an SSH public key; expected a line of a type, the base64 of the key and an optional " +
		"comment, as in the .pub file of ssh-keygen")
	errNoKey = errors.New("holds no SSH public key; expected at least one line as in the .pub file of ssh-keygen")
)

// ValidSSHKey returns an error that says why text cannot be given to a guest as SSH public keys;
// nil means it can. Text is in the form of sshd's AUTHORIZED_KEYS FILE FORMAT: one key per line;
// empty lines and lines that start with # are skipped; at least one key. A byte order mark before a
// line, as from a file that was appended to another, is skipped. Keys with options are refused,
// because they would lose them. The errors give line numbers and never any part of the text, which
// may be a secret.
func ValidSSHKey(text string) error {
	_, err := publicKeys(text)
	return err
}

// publicKeys returns the keys of text, one per line and trimmed: cloud-init takes one key per
// element and would write a longer element to authorized_keys as it is.
func publicKeys(text string) ([]string, error) {
	var keys []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(strings.TrimPrefix(line, cloudinit.ByteOrderMark))
		if isPrivateKey(line) {
			return nil, errPrivateKey
		}
		if line == "" || line[0] == '#' {
			continue
		}
		// The parser's own error is not wrapped: it quotes the line.
		_, _, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
		switch {
		case err != nil || strings.ContainsFunc(line, isControl):
			return nil, fmt.Errorf("line %d: %w", number, errNotKey)
		case len(options) > 0:
			return nil, fmt.Errorf("line %d: %w", number, errKeyOptions)
		}
		keys = append(keys, line)
	}
	if len(keys) == 0 {
		return nil, errNoKey
	}
	return keys, nil
}

// isPrivateKey recognises the first lines of PEM and OpenSSH keys (RFC 7468), of ssh.com keys and
// of PuTTY's.
func isPrivateKey(line string) bool {
	return strings.HasPrefix(line, "--") && strings.Contains(line, "PRIVATE KEY") ||
		strings.HasPrefix(line, "PuTTY-User-Key-File-")
}

func isControl(r rune) bool {
	return r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError
}
