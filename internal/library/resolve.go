package library

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Newer picks the newest release among versions, and those that a running plan creates, where it is newer than a version;
// "" where none is.
func Newer(versions []catalog.Version, coming []string, than string) string {
	return catalog.Newer(available(versions, coming), than)
}

// available are the names of versions that nobody is about to remove, and of those that are coming.
func available(versions []catalog.Version, coming []string) []string {
	names := slices.Clone(coming)
	for _, v := range versions {
		if !v.Deleting(time.Now()) {
			names = append(names, v.ID.Version)
		}
	}
	return names
}

// Resolve finds the newest version of a template that the constraint allows, and that nobody is about to remove.
func (l *Library) Resolve(ctx context.Context, id catalog.TemplateID, constraint string) (string, error) {
	versions, err := l.Versions(ctx, id)
	if err != nil {
		return "", err
	}
	return Pick(id, versions, nil, constraint)
}

// Pick chooses among versions, and those that a running plan creates, what Resolve would.
func Pick(id catalog.TemplateID, versions []catalog.Version, coming []string, constraint string) (string, error) {
	c, err := catalog.ParseConstraint(constraint)
	if err != nil {
		return "", err
	}
	names := available(versions, coming)
	if newest := catalog.Newest(names, c); newest != "" {
		return newest, nil
	}
	there, asked := "It has none yet: register one with novacron_template_version.", "a release"
	if len(names) > 0 {
		catalog.SortVersions(names)
		there = "It has: " + strings.Join(names, ", ") + "."
	}
	if constraint != "" {
		asked = fmt.Sprintf("a version that %q allows", constraint)
	}
	return "", catalog.Findings{{Path: catalog.At("version"), Summary: "No such version", Detail: fmt.Sprintf(
		"Template %q does not have %s. %s Where the version is made in the same configuration, refer to it, by "+
			"novacron_template_version.NAME.version or depends_on, so that it is made first.", id, asked, there)}}
}
