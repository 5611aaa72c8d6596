package guest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// testKey returns the authorized_keys line, without its newline, of the key that n identifies.
func testKey(t testing.TB, n byte, comment string) string {
	t.Helper()
	public, err := ssh.NewPublicKey(testPrivateKey(n).Public())
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	if comment != "" {
		line += " " + comment
	}
	return line
}

func testPrivateKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func TestValidHostname(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	dotted253 := strings.Join([]string{label63, label63, label63, strings.Repeat("b", 61)}, ".")
	for _, name := range []string{
		"web", "web-server-1", "3com", "1", "WEB", "web.example.org", "xn--bcher-kva.example",
		label63, dotted253, "no", "1.2.3.4.example",
	} {
		if err := ValidHostname(name); err != nil {
			t.Errorf("%q is refused: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "web.", ".web", "web..example", "-web", "web-", "web.-x", "web_1", "web 1", "web\n", "bücher",
		"10.0.0.1", "a:b", "web\x00", label63 + "a", dotted253 + "c", "a\"b", "{{.}}",
	} {
		if err := ValidHostname(name); err == nil {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestValidSSHKeyAcceptsWhatAPubFileHolds(t *testing.T) {
	key := testKey(t, 1, "")
	for name, text := range map[string]string{
		"a key":                key,
		"with a comment":       key + " alice@laptop",
		"as file() reads it":   key + " alice@laptop\n",
		"written on Windows":   key + "\r\n",
		"several and comments": "# team\n" + key + "\n\n  " + testKey(t, 2, "bob: # \"quoted\" 'text' {x}") + "\n",
	} {
		if err := ValidSSHKey(text); err != nil {
			t.Errorf("%s: refused: %v", name, err)
		}
	}
}

func TestValidSSHKeyRefusesPrivateKeysWithoutShowingThem(t *testing.T) {
	block, err := ssh.MarshalPrivateKey(testPrivateKey(1), "alice")
	if err != nil {
		t.Fatal(err)
	}
	private := string(pem.EncodeToMemory(block))
	for name, text := range map[string]string{
		"alone":        private,
		"after a key":  testKey(t, 1, "") + "\n" + private,
		"indented":     strings.ReplaceAll(private, "\n", "\n  "),
		"encrypted":    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIsecret\n",
		"of ssh.com":   "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/secret\n",
		"of PuTTY":     "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
		"of old style": "-----BEGIN RSA PRIVATE KEY-----\r\nMIIsecret\r\n",
	} {
		err := ValidSSHKey(text)
		if !errors.Is(err, errPrivateKey) {
			t.Errorf("%s: got %v, want that it is a private key", name, err)
			continue
		}
		checkSilent(t, err, text)
	}
}

func TestValidSSHKeyRefusesWhatASSHServerWouldNotTake(t *testing.T) {
	key := testKey(t, 1, "alice")
	for name, test := range map[string]struct {
		text string
		want error
	}{
		"nothing":                  {"", errNoKey},
		"comments only":            {"# alice\n\n", errNoKey},
		"a password":               {"correct-horse", errNotKey},
		"a fingerprint":            {"SHA256:pPJS2hWb8HcbUYTQcfHQkYUHwAYcNVSlIm8ZQbwVTMk alice", errNotKey},
		"a truncated key":          {key[:40], errNotKey},
		"a type that is not its":   {strings.Replace(key, "ssh-ed25519", "ssh-rsa", 1), errNotKey},
		"two keys in a line":       {strings.ReplaceAll(key, " alice", "") + "\x00" + key, errNotKey},
		"a control character":      {key + "\x1b[2J", errNotKey},
		"bytes that are not UTF-8": {key + "\xff", errNotKey},
		"options":                  {"from=\"10.0.0.0/8\",restrict " + key, errKeyOptions},
		"one bad line of two":      {key + "\nhello world\n", errNotKey},
	} {
		err := ValidSSHKey(test.text)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want: %v", name, err, test.want)
			continue
		}
		checkSilent(t, err, test.text)
	}
}

// checkSilent fails the test if an error quotes a word of the text that it is about.
func checkSilent(t *testing.T, err error, text string) {
	t.Helper()
	for word := range strings.FieldsSeq(text) {
		if len(word) > 7 && strings.Contains(err.Error(), word) {
			t.Errorf("the error shows %q of the text: %v", word, err)
		}
	}
}
