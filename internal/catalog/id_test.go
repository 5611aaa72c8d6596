package catalog

import (
	"slices"
	"strings"
	"testing"
)

func TestParseIDs(t *testing.T) {
	if id, err := ParseTemplateID("t-1/ubuntu.24"); err != nil || id != (TemplateID{"t-1", "ubuntu.24"}) {
		t.Errorf("got %+v, %v", id, err)
	}
	if id, err := ParseVersionID("t/a@1.0.0-rc.1+b"); err != nil ||
		id != (TemplateID{"t", "a"}).Version("1.0.0-rc.1+b") {
		t.Errorf("got %+v, %v", id, err)
	}
	for _, s := range []string{"", "/", "a", "a/", "/a", "a/b/c", "a.b/c", "A/b", "a/B", " a/b"} {
		if id, err := ParseTemplateID(s); err == nil {
			t.Errorf("%q is read as %+v", s, id)
		}
	}
	for _, s := range []string{"", "t/a", "t/a@", "@1.0.0", "t/a@1", "t/a@1.0.0@2.0.0", "t/a@v1.0.0", "t/a@1.0.0 "} {
		if id, err := ParseVersionID(s); err == nil {
			t.Errorf("%q is read as %+v", s, id)
		}
	}
}

func TestVersionsAreWrittenInFull(t *testing.T) {
	for _, s := range []string{"0.0.0", "1.0.0", "1.0.0-rc.1", "1.0.0+build.7", "1.0.0-rc.1+b", "10.20.30"} {
		if v, err := ParseVersion(s); err != nil || v.String() != s {
			t.Errorf("%q: got %v, %v", s, v, err)
		}
	}
	for s, advice := range map[string]string{
		"":                                 "1.0.0",
		"1":                                "as 1.0.0",
		"1.0":                              "as 1.0.0",
		"v1.0.0":                           "as 1.0.0",
		"01.0.0":                           "as 1.0.0",
		"1.2.3.4":                          "not a semantic version",
		"latest":                           "not a semantic version",
		"~> 1.0":                           "not a semantic version",
		"1.0.0-":                           "not a semantic version",
		"1.0.0 ":                           "not a semantic version",
		"1.0.0+a/b":                        "not a semantic version",
		"99999999999999999999.0.0":         "not a semantic version",
		"1.0.0-" + strings.Repeat("x", 60): "too long",
	} {
		if v, err := ParseVersion(s); err == nil || !strings.Contains(err.Error(), advice) {
			t.Errorf("%q: got %v, %v, want an error that says %q", s, v, err, advice)
		}
	}
}

func TestConstraintsChooseTheNewestRelease(t *testing.T) {
	versions := []string{
		"1.0.0", "2.0.0", "0.9.0", "1.0.0-rc.1", "1.10.0", "1.9.0", "2.1.0-beta.1", "1.0.5", "no version",
	}
	for constraint, want := range map[string]string{
		"":               "2.0.0",
		" ":              "2.0.0",
		"1.0":            "1.0.0",
		"1.0.0":          "1.0.0",
		"= 1.9.0":        "1.9.0",
		"~> 1.0":         "1.10.0",
		"~> 1.0.0":       "1.0.5",
		">= 1.0, < 2.0":  "1.10.0",
		"< 1.0":          "0.9.0",
		"!= 2.0.0":       "1.10.0",
		"> 2.0":          "",
		">= 3.0":         "",
		"1.0.0-rc.1":     "1.0.0-rc.1",
		"2.1.0-beta.1":   "2.1.0-beta.1",
		">= 2.1.0-alpha": "2.1.0-beta.1",
		"~> 2.1":         "",
	} {
		c, err := ParseConstraint(constraint)
		if err != nil {
			t.Errorf("%q: %v", constraint, err)
		} else if got := Newest(versions, c); got != want {
			t.Errorf("%q chooses %q, want %q", constraint, got, want)
		}
	}
	for _, s := range []string{"latest", "^1.0", ">= x", ",", "> 1.0 < 2.0", "1.0.0;"} {
		if c, err := ParseConstraint(s); err == nil || !strings.Contains(err.Error(), "~> 1.0") {
			t.Errorf("%q: got %v, %v, want an error that shows how to write one", s, c, err)
		}
	}
	SortVersions(versions)
	if want := []string{
		"2.1.0-beta.1", "2.0.0", "1.10.0", "1.9.0", "1.0.5", "1.0.0", "1.0.0-rc.1", "0.9.0", "no version",
	}; !slices.Equal(versions, want) {
		t.Errorf("sorted: %q, want %q", versions, want)
	}
}

func FuzzParseVersionID(f *testing.F) {
	f.Add("default/ubuntu@1.0.0")
	f.Add("t/a.b@1.0.0-rc.1+x")
	f.Add("t/a@1.2.3.4")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseVersionID(s); err == nil && (id.String() != s || len(s) > 63+1+63+1+maxVersion ||
			strings.Count(s, "/") != 1) {
			t.Errorf("%q is read as %+v", s, id)
		}
		if id, err := ParseTemplateID(s); err == nil && id.String() != s {
			t.Errorf("%q is read as %+v", s, id)
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	f.Add("1.0.0", "~> 1.0")
	f.Add("1.0.0-rc.1", ">= 1.0, < 2.0")
	f.Fuzz(func(t *testing.T, s, constraint string) {
		v, err := ParseVersion(s)
		if err == nil && (v.String() != s || strings.ContainsAny(s, "/ \n")) {
			t.Errorf("%q is read as %s", s, v)
		}
		if c, err := ParseConstraint(constraint); err == nil && v != nil {
			if got := Newest([]string{s}, c); got != "" && got != s {
				t.Errorf("of %q alone, %q chooses %q", s, constraint, got)
			}
		}
		if own, err := ParseConstraint(s); v != nil && (err != nil || Newest([]string{s}, own) != s) {
			t.Errorf("%q, as a constraint, does not choose itself: %v", s, err)
		}
	})
}

func TestNewerIsANewerRelease(t *testing.T) {
	versions := []string{"1.0.0", "1.2.0", "2.0.0-rc1", "odd"}
	for than, want := range map[string]string{
		"1.0.0":     "1.2.0",
		"1.2.0":     "",
		"1.2.0-rc1": "1.2.0",
		"3.0.0":     "",
		"odd":       "",
	} {
		if got := Newer(versions, than); got != want {
			t.Errorf("newer than %s is %q, want %q", than, got, want)
		}
	}
	if got := Newer(nil, "1.0.0"); got != "" {
		t.Errorf("of no versions, %q is newer", got)
	}
}

func TestReferencesMayLeaveOutTheTenant(t *testing.T) {
	ubuntu := TemplateID{"t-1", "ubuntu.24"}
	for s, want := range map[string]TemplateID{
		"ubuntu.24": ubuntu, "t-1/ubuntu.24": ubuntu, "t-2/ubuntu.24": {"t-2", "ubuntu.24"},
	} {
		if id, err := ParseTemplateRef(s, "t-1"); err != nil || id != want {
			t.Errorf("%q means %v (%v)", s, id, err)
		}
		if id, err := ParseVersionRef(s+"@1.0.0-rc.1", "t-1"); err != nil || id != want.Version("1.0.0-rc.1") {
			t.Errorf("%q@1.0.0-rc.1 means %v (%v)", s, id, err)
		}
	}
	for _, s := range []string{"", "/", "t/", "/a", "a/b/c", "A", "t/A", "a b"} {
		if id, err := ParseTemplateRef(s, "t-1"); err == nil ||
			!strings.Contains(err.Error(), "write it as tenant/name") || !strings.Contains(err.Error(), "tenant t-1") {
			t.Errorf("%q means %v: %v", s, id, err)
		}
	}
	for _, s := range []string{"", "a", "a@", "@1.0.0", "a@1.0", "a@1.0.0@1.0.0", "a/b/c@1.0.0", "t/a@latest"} {
		if id, err := ParseVersionRef(s, "t-1"); err == nil ||
			!strings.Contains(err.Error(), "write it as tenant/name@1.1.0") ||
			!strings.Contains(err.Error(), "name@1.1.0, for example") {
			t.Errorf("%q means %v: %v", s, id, err)
		}
	}
}
