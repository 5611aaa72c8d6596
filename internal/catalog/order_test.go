package catalog

import (
	"slices"
	"testing"
)

func TestNamesAreOrderedAsAReaderWould(t *testing.T) {
	names := []string{"eth10", "eth2", "eth1", "data", "disk-2-10", "disk-2-9", "eth", "a1b", "a01b", "a1", "eth02", "z"}
	slices.SortFunc(names, naturalCompare)
	want := []string{"a1", "a01b", "a1b", "data", "disk-2-9", "disk-2-10", "eth", "eth1", "eth02", "eth2", "eth10", "z"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// FuzzNaturalCompare checks that the order is one: without that, sorting is anybody's guess.
func FuzzNaturalCompare(f *testing.F) {
	f.Add("eth10", "eth2", "eth02")
	f.Add("a1", "a01", "a001b")
	f.Add("", "0", "00")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if naturalCompare(a, b) != -naturalCompare(b, a) {
			t.Errorf("%q and %q: %d one way, %d the other", a, b, naturalCompare(a, b), naturalCompare(b, a))
		}
		if naturalCompare(a, b) == 0 && a != b {
			t.Errorf("%q and %q count as the same", a, b)
		}
		if naturalCompare(a, b) < 0 && naturalCompare(b, c) < 0 && naturalCompare(a, c) >= 0 {
			t.Errorf("%q < %q < %q, but not %q < %q", a, b, c, a, c)
		}
	})
}

func TestTheNearestNameIsMeant(t *testing.T) {
	names := []string{"hostname", "ssh_key", "http_port"}
	for word, want := range map[string]string{
		"hostnmae": "hostname", "host_name": "hostname", "sshkey": "ssh_key", "port": "", "zzz": "", "": "", "hostname": "hostname", "ssh-key": "ssh_key",
	} {
		if got := nearest(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := nearest("x", nil); got != "" {
		t.Errorf("of no names, got %q", got)
	}
}

func TestAConstraintNamesAVersionExactly(t *testing.T) {
	for constraint, want := range map[string]string{
		"1.0.0": "1.0.0", " = 1.0.0 ": "1.0.0", "=1.0.0-rc.1": "1.0.0-rc.1", "": "", "~> 1.0.0": "", ">= 1.0.0": "", "1.0": "", "1.0.0, 1.0.0": "", "!= 1.0.0": "",
	} {
		if got := Exactly(constraint); got != want {
			t.Errorf("%q names %q, want %q", constraint, got, want)
		}
	}
}

func TestAConstraintAllowsAVersion(t *testing.T) {
	for _, c := range []struct {
		constraint, version string
		want                bool
	}{
		{"1.0.0", "1.0.0", true}, {"= 1.0.0-rc.1", "1.0.0-rc.1", true}, {"1.0.0+b", "1.0.0+b", true}, {"~> 1.0", "1.4.0", true}, {"", "1.0.0", true},
		{"what", "1.0.0", true}, {"~> 1.0", "2.0.0", false}, {"1.0.0", "2.0.0", false}, {"~> 1.0", "1.4.0-rc.1", false},
	} {
		if got := Allows(c.constraint, c.version); got != c.want {
			t.Errorf("%q allows %s: %t", c.constraint, c.version, got)
		}
	}
}
