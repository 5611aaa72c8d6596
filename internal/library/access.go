package library

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Whatever is read of templates and versions goes through here, so that what somebody may not see is, in every answer,
// what is not there.

// Enforcement tells who makes sure of tenancy and rights: "advisory" for this provider alone, which guards against
// mistakes; "server" where the catalogue's server does, for whoever connects to it.
func (r *reader) Enforcement() string {
	if s, ok := r.store.(interface{ Enforcement() string }); ok {
		return s.Enforcement()
	}
	return "advisory"
}

// readable reads a template that the library's user may see; catalog.ErrNotFound.
func (r *reader) readable(ctx context.Context, id catalog.TemplateID) (catalog.Record[catalog.Template], error) {
	rec, err := r.store.Templates().Get(ctx, id.String())
	if err != nil {
		return catalog.Record[catalog.Template]{}, err
	}
	rec.Value.Lifecycle = rec.Value.Lifecycle.Settle(rec.Value.CreatedAt)
	if err := rec.Value.Need(r.me, catalog.Read); err != nil {
		return catalog.Record[catalog.Template]{}, err
	}
	return rec, nil
}

// ours is the template of versions that are there. One whose document is gone is its tenant's still, so that what is left
// of it can be removed.
func (r *reader) ours(ctx context.Context, id catalog.TemplateID) (catalog.Template, error) {
	if err := r.Images.Open(ctx); err != nil {
		return catalog.Template{}, err
	}
	rec, err := r.readable(ctx, id)
	if !errors.Is(err, catalog.ErrNotFound) || id.Tenant != r.me.Tenant {
		return rec.Value, err
	}
	if _, there := r.store.Templates().Get(ctx, id.String()); !errors.Is(there, catalog.ErrNotFound) { // it is hidden
		return rec.Value, err
	}
	return catalog.Template{ID: id}, nil
}

// writable is the template where the library's user may change it and its versions; catalog.ErrNotFound where they may not
// see it, and catalog.RightError.
func (r *reader) writable(ctx context.Context, id catalog.TemplateID) (catalog.Template, error) {
	t, err := r.ours(ctx, id)
	if err == nil {
		err = t.Need(r.me, catalog.Write)
	}
	return t, err
}

// MayWrite finds that the library's user may see a template and not change it. Of one that they do not see, and that is
// therefore not there, it finds nothing.
func (r *reader) MayWrite(t catalog.Template) error {
	return catalog.IgnoreNotFound(t.Need(r.me, catalog.Write))
}

// Usable reads a template and one of its versions for a new instance: finding.List where none may be made of them,
// catalog.ErrNotFound where there is no such version.
func (r *reader) Usable(ctx context.Context, id catalog.VersionID) (catalog.Template, catalog.Version, error) {
	template, err := r.Template(ctx, id.Template)
	if errors.Is(err, catalog.ErrNotFound) {
		return template, catalog.Version{}, r.NoSuchTemplate(id.Template)
	}
	if err != nil {
		return template, catalog.Version{}, err
	}
	rec, err := r.store.Versions().Get(ctx, id.String())
	if err != nil {
		return template, rec.Value, err
	}
	version, err := r.seen(template, rec.Value)
	if err == nil {
		_, err = r.Use(template, version)
	}
	return template, version, err
}

// Use tells whether the library's user may make instances of a version: finding.List say why not. The warning is the
// zero Finding where there is nothing to say.
func (r *reader) Use(t catalog.Template, v catalog.Version) (finding.Finding, error) {
	warning, err := t.Use(r.me, v)
	if refused, ok := errors.AsType[*catalog.RightError](err); ok {
		err = finding.List{{Path: finding.At("template_id"), Summary: "No permission to use template", Detail: finding.Sentence(
			fmt.Errorf("making an instance of template %q: %w", t.ID, refused))}}
	}
	return warning, err
}

// unmarked is a version without the mark of somebody who was about to remove it and is dead.
func (r *reader) unmarked(ctx context.Context, v catalog.Version) catalog.Version {
	if !r.deleting(ctx, v) {
		v.DeletingSince = nil
	}
	return v
}

// seen is a version as the library's user sees it, who may see its template; catalog.ErrNotFound also for one that is only
// being registered. A draft's spec follows its template.
func (r *reader) seen(t catalog.Template, v catalog.Version) (catalog.Version, error) {
	switch {
	case v.Coming != nil:
		return catalog.Version{}, fmt.Errorf("version %q is being registered: %w", v.ID, catalog.ErrNotFound)
	case t.RightVersion(r.me, v) < catalog.Read:
		return catalog.Version{}, fmt.Errorf("version %q: %w", v.ID, catalog.ErrNotFound)
	}
	return settled(t, v), nil
}

// settled is a version with what its document leaves to its template.
func settled(t catalog.Template, v catalog.Version) catalog.Version {
	v.Lifecycle = v.Lifecycle.Settle(v.CreatedAt)
	if v.State == catalog.Draft && t.Type != "" { // else the template is gone
		v.Spec = v.Overrides.Over(t.Spec)
	}
	return v
}

// history lists a template's versions that the library's user may see, newest first.
func (r *reader) history(ctx context.Context, t catalog.Template) ([]catalog.Version, error) {
	records, err := r.store.Versions().List(ctx, t.ID.String()+"@")
	if err != nil {
		return nil, err
	}
	byName := make(map[string]catalog.Version, len(records))
	names := make([]string, 0, len(records))
	for _, rec := range records {
		if v, err := r.seen(t, r.unmarked(ctx, rec.Value)); err == nil {
			names = append(names, v.ID.Version)
			byName[v.ID.Version] = v
		}
	}
	catalog.SortVersions(names)
	versions := make([]catalog.Version, len(names))
	for i, name := range names {
		versions[i] = byName[name]
	}
	return versions, nil
}

// Search lists the templates that the library's user may see and the filter picks, ordered by id. Only those of tenants that
// have some are read whole.
func (r *reader) Search(ctx context.Context, filter catalog.Filter) ([]catalog.Template, error) {
	if err := r.Images.Open(ctx); err != nil {
		return nil, err
	}
	prefix := ""
	if filter.Visibility == catalog.Own {
		prefix = r.me.Tenant + "/"
	}
	heads, err := catalog.TemplateHeads(ctx, r.store, prefix)
	if err != nil {
		return nil, err
	}
	matches := func(t catalog.Template) bool {
		t.Lifecycle = t.Lifecycle.Settle(t.CreatedAt)
		return filter.Match(t, r.me)
	}
	tenants := map[string]bool{} // that have some
	for _, head := range heads {
		if matches(head.Value) {
			tenants[head.Value.ID.Tenant] = true
		}
	}
	found := []catalog.Template{}
	for tenant := range tenants {
		records, err := r.store.Templates().List(ctx, tenant+"/")
		if err != nil {
			return nil, err
		}
		for _, rec := range records {
			if t := rec.Value; matches(t) {
				t.Lifecycle = t.Lifecycle.Settle(t.CreatedAt)
				found = append(found, t)
			}
		}
	}
	slices.SortFunc(found, func(a, b catalog.Template) int { return a.ID.Compare(b.ID) })
	return found, nil
}
