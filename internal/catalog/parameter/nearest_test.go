package parameter

import (
	"testing"
)

func TestTheNearestNameIsMeant(t *testing.T) {
	names := []string{"hostname", "ssh_key", "http_port"}
	for word, want := range map[string]string{
		"hostnmae":  "hostname",
		"host_name": "hostname",
		"sshkey":    "ssh_key",
		"port":      "",
		"zzz":       "",
		"":          "",
		"hostname":  "hostname",
		"ssh-key":   "ssh_key",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := nearest("x", nil); got != "" {
		t.Errorf("of no names, got %q", got)
	}
}
