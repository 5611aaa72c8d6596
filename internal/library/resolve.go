package library

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Newer picks the newest active release among a template's versions, and those that a running plan
// creates, if it is newer than a given version. It returns "" if there is none, or if nothing new
// may be created from the template.
func (r *reader) Newer(t catalog.Template, versions, coming []catalog.Version, than string) string {
	usable := func(v catalog.Version) bool {
		_, err := t.Use(r.me, v)
		return v.State.OrActive() == catalog.Active && err == nil
	}
	return catalog.Newer(names(available(versions, coming), usable), than)
}

// available returns the versions that are not about to be removed, and those that are coming.
func available(versions, coming []catalog.Version) []catalog.Version {
	all := slices.Clone(coming)
	for _, v := range versions {
		if v.DeletingSince == nil {
			all = append(all, v)
		}
	}
	return all
}

func names(versions []catalog.Version, of func(catalog.Version) bool) []string {
	var found []string
	for _, v := range versions {
		if of(v) && !slices.Contains(found, v.ID.Version) {
			found = append(found, v.ID.Version)
		}
	}
	return found
}

// Resolve is Pick among all existing versions.
func (r *reader) Resolve(ctx context.Context, id catalog.TemplateID, constraint string) (string, error) {
	versions, err := r.Versions(ctx, id)
	if err != nil {
		return "", err
	}
	return Pick(id, versions, nil, constraint)
}

// Pick chooses among the versions that the user may see, and those that a running plan creates: the
// newest active one that the constraint allows, or else the newest deprecated one. Drafts and
// archived versions have to be named exactly. Versions that are about to be removed are never
// chosen.
func Pick(id catalog.TemplateID, versions, coming []catalog.Version, constraint string) (string, error) {
	c, err := catalog.ParseConstraint(constraint)
	if err != nil {
		return "", err
	}
	there := available(versions, coming)
	if exact := catalog.Exactly(constraint); exact != "" && slices.ContainsFunc(there, func(v catalog.Version) bool {
		return v.ID.Version == exact
	}) {
		return exact, nil
	}
	for _, state := range []catalog.State{catalog.Active, catalog.Deprecated} {
		of := func(v catalog.Version) bool { return v.State.OrActive() == state }
		if newest := catalog.Newest(names(there, of), c); newest != "" {
			return newest, nil
		}
	}
	all, article := listed(there)
	asked := article + " release"
	if constraint != "" {
		asked = fmt.Sprintf("%s version that %q allows", article, constraint)
	}
	return "", finding.List{{Path: finding.At("version"), Summary: "Version not found", Detail: fmt.Sprintf(
		"Template %q does not have %s. %s If the same configuration creates the version, refer to it, by "+
			"novacron_template_version.NAME.version or depends_on, so that it is created first.", id, asked, all)}}
}

// listed describes which versions there are, and which of them are not picked automatically.
// article introduces the versions that are: "an active" if some are not picked, else "a".
func listed(versions []catalog.Version) (text, article string) {
	all := names(versions, func(catalog.Version) bool { return true })
	if len(all) == 0 {
		return "It has none yet: register one with novacron_template_version.", "a"
	}
	catalog.SortVersions(all)
	drafts := false
	article = "a"
	for i, name := range all {
		for _, v := range versions {
			if state := v.State.OrActive(); v.ID.Version == name && state != catalog.Active {
				all[i], article = fmt.Sprintf("%s (%s)", name, state), "an active"
				drafts = drafts || state == catalog.Draft
			}
		}
	}
	text = "It has: " + strings.Join(all, ", ") + "."
	if drafts {
		text += " A draft is chosen only if version names it exactly."
	}
	return text, article
}
