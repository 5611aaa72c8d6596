package catalog

import (
	"testing"
)

func TestAConstraintNamesAVersionExactly(t *testing.T) {
	for constraint, want := range map[string]string{
		"1.0.0":        "1.0.0",
		" = 1.0.0 ":    "1.0.0",
		"=1.0.0-rc.1":  "1.0.0-rc.1",
		"":             "",
		"~> 1.0.0":     "",
		">= 1.0.0":     "",
		"1.0":          "",
		"1.0.0, 1.0.0": "",
		"!= 1.0.0":     "",
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
		{"1.0.0", "1.0.0", true}, {"= 1.0.0-rc.1", "1.0.0-rc.1", true}, {"1.0.0+b", "1.0.0+b", true},
		{"~> 1.0", "1.4.0", true}, {"", "1.0.0", true},
		{"what", "1.0.0", true}, {"~> 1.0", "2.0.0", false}, {"1.0.0", "2.0.0", false}, {"~> 1.0", "1.4.0-rc.1", false},
	} {
		if got := Allows(c.constraint, c.version); got != c.want {
			t.Errorf("%q allows %s: %t", c.constraint, c.version, got)
		}
	}
}
