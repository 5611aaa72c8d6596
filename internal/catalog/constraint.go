package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
)

// ParseConstraint reads a version constraint by the rules of hashicorp/go-version: "1.2.0", "~>
// 1.0", ">= 1.0, < 2.0". The empty string allows every release but no pre-release: to allow one,
// the constraint has to name a pre-release.
func ParseConstraint(s string) (version.Constraints, error) {
	if strings.TrimSpace(s) == "" {
		s = ">= 0.0.0"
	}
	c, err := version.NewConstraint(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not a version constraint: write an exact version such as 1.2.0, or a "+
			"constraint such as \"~> 1.0\" or \">= 1.0, < 2.0\"", s)
	}
	return c, nil
}

// Newest picks the newest of the versions that the constraint allows, "" if it allows none.
func Newest(versions []string, constraint version.Constraints) string {
	var best *version.Version
	preRelease := slices.ContainsFunc(constraint, (*version.Constraint).Prerelease)
	for _, s := range versions {
		v, err := version.NewSemver(s)
		// The library's own "!=" lets pre-releases pass.
		if err != nil || !constraint.Check(v) || v.Prerelease() != "" && !preRelease {
			continue
		}
		if best == nil || v.GreaterThan(best) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return best.Original()
}

// Newer picks the newest release that is newer than a version, "" if there is none.
func Newer(versions []string, than string) string {
	v, err := version.NewSemver(than)
	if err != nil {
		return ""
	}
	newest, err := version.NewSemver(Newest(versions, version.MustConstraints(ParseConstraint(""))))
	if err != nil || !newest.GreaterThan(v) {
		return ""
	}
	return newest.Original()
}

// SortVersions orders versions newest first; texts that are not semantic versions come last.
func SortVersions(versions []string) {
	parsed := make(map[string]*version.Version, len(versions)) // once each: parsing takes longer than all the rest
	for _, name := range versions {
		if v, err := version.NewSemver(name); err == nil {
			parsed[name] = v
		}
	}
	slices.SortStableFunc(versions, func(a, b string) int {
		va, vb := parsed[a], parsed[b]
		switch {
		case va == nil && vb == nil:
			return 0
		case va == nil:
			return 1
		case vb == nil:
			return -1
		}
		return vb.Compare(va)
	})
}

// Exactly returns the only version that a constraint allows; "" if it allows others as well.
func Exactly(constraint string) string {
	text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(constraint), "="))
	if _, err := ParseVersion(text); err != nil {
		return ""
	}
	return text
}

// Allows reports whether a constraint allows a version; if in doubt, it reports true.
func Allows(constraint, version string) bool {
	c, err := ParseConstraint(constraint)
	return err != nil || Exactly(constraint) == version || Newest([]string{version}, c) == version
}
