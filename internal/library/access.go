package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// All reads of templates and versions go through this file, so that every answer treats what the
// user may not see as absent.

// Enforcement says who enforces tenancy and rights: "advisory" if only this provider does, which
// guards against mistakes; "server" if the catalog's server does, for every client.
func (r *reader) Enforcement() string {
	if s, ok := r.store.(interface{ Enforcement() string }); ok {
		return s.Enforcement()
	}
	return "advisory"
}

// readable reads a template that the library's user may see; otherwise it returns
// catalog.ErrNotFound.
func (r *reader) readable(ctx context.Context, id catalog.TemplateID) (catalog.Record[catalog.Template], error) {
	rec, err := r.store.Templates().Get(ctx, id.String())
	if err != nil {
		return catalog.Record[catalog.Template]{}, err
	}
	rec.Value.Lifecycle = rec.Value.Lifecycle.WithDefaults(rec.Value.CreatedAt)
	if err := rec.Value.Need(r.me, catalog.Read); err != nil {
		return catalog.Record[catalog.Template]{}, err
	}
	return rec, nil
}

// ours returns the template of existing versions. A template whose document is gone still belongs
// to its tenant, so that its remains can be removed.
func (r *reader) ours(ctx context.Context, id catalog.TemplateID) (catalog.Template, error) {
	if err := r.home.Open(ctx); err != nil {
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

// writable returns the template if the library's user may change it and its versions. It returns
// catalog.ErrNotFound if they may not see it, and catalog.RightError if they may only see it.
func (r *reader) writable(ctx context.Context, id catalog.TemplateID) (catalog.Template, error) {
	t, err := r.ours(ctx, id)
	if err == nil {
		err = t.Need(r.me, catalog.Write)
	}
	return t, err
}

// MayWrite returns an error if the library's user may see a template but not change it. For a
// template that they may not see, and that therefore counts as absent, it returns nil.
func (r *reader) MayWrite(t catalog.Template) error {
	return catalog.IgnoreNotFound(t.Need(r.me, catalog.Write))
}

// usableAge is how old the answer of Usable may be. Instances that are created together share it.
const usableAge = time.Second

// usable is a version that instances may be created from, and its template.
type usable struct {
	template catalog.Template
	version  catalog.Version
}

// Usable reads a template and one of its versions for a new instance, as they are or were up to a
// second ago; what this process has changed counts at once. Callers must not change what they get,
// and use Stands once the instance holds what it needs of the version. Usable returns a finding.List
// if no instance may be created from them, and catalog.ErrNotFound if there is no such version.
func (r *reader) Usable(ctx context.Context, id catalog.VersionID) (catalog.Template, catalog.Version, error) {
	u, err := r.usable.Get(ctx, id, func() (usable, error) { return r.readUsable(ctx, id) })
	return u.template, u.version, err
}

func (r *reader) readUsable(ctx context.Context, id catalog.VersionID) (usable, error) {
	template, err := r.Template(ctx, id.Template)
	if errors.Is(err, catalog.ErrNotFound) {
		return usable{}, r.NoSuchTemplate(id.Template)
	}
	if err != nil {
		return usable{}, err
	}
	rec, err := r.store.Versions().Get(ctx, id.String())
	if err != nil {
		return usable{}, err
	}
	version, err := r.seen(template, rec.Value)
	if err == nil {
		_, err = r.Use(template, version)
	}
	return usable{template, version}, err
}

// Use checks whether the library's user may create instances of a version; a finding.List says why
// not. The warning is the zero Finding if there is nothing to warn about.
func (r *reader) Use(t catalog.Template, v catalog.Version) (finding.Finding, error) {
	warning, err := t.Use(r.me, v)
	if refused, ok := errors.AsType[*catalog.RightError](err); ok {
		err = finding.List{{Path: finding.At("template_id"), Summary: "No permission to use template",
			Detail: finding.Sentence(
				fmt.Errorf("making an instance of template %q: %w", t.ID, refused))}}
	}
	return warning, err
}

// unmarked returns a version without the removal mark of a process that has died.
func (r *reader) unmarked(ctx context.Context, v catalog.Version) catalog.Version {
	if !r.deleting(ctx, v) {
		v.DeletingSince = nil
	}
	return v
}

// seen returns a version as the library's user, who may see its template, sees it. It returns
// catalog.ErrNotFound for a hidden version and for one that is still being registered. A draft's
// spec follows its template.
func (r *reader) seen(t catalog.Template, v catalog.Version) (catalog.Version, error) {
	switch {
	case v.Claim != nil:
		return catalog.Version{}, fmt.Errorf("version %q is being registered: %w", v.ID, catalog.ErrNotFound)
	case t.RightVersion(r.me, v) < catalog.Read:
		return catalog.Version{}, fmt.Errorf("version %q: %w", v.ID, catalog.ErrNotFound)
	}
	return withTemplate(t, v), nil
}

// withTemplate returns a version with the values that its document leaves to its template filled in.
func withTemplate(t catalog.Template, v catalog.Version) catalog.Version {
	v.Lifecycle = v.Lifecycle.WithDefaults(v.CreatedAt)
	if v.State == catalog.Draft && t.Type != "" { // else the template is gone
		v.Spec = v.Overrides.Over(t.Spec)
	}
	return v
}

// history lists the versions of a template that the library's user may see, newest first.
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

// Search lists the templates that the library's user may see and the filter selects, ordered by id.
// It reads whole only the templates that it returns, if the catalog can leave out others, and otherwise
// those of tenants that have some of these.
func (r *reader) Search(ctx context.Context, filter catalog.Filter) ([]catalog.Template, error) {
	if err := r.home.Open(ctx); err != nil {
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
		t.Lifecycle = t.Lifecycle.WithDefaults(t.CreatedAt)
		return filter.Match(t, r.me)
	}
	selected := map[string][]string{} // keys, by tenant
	for _, head := range heads {
		if tenant := head.Value.ID.Tenant; matches(head.Value) {
			selected[tenant] = append(selected[tenant], head.Key)
		}
	}
	found := []catalog.Template{}
	for tenant, keys := range selected {
		records, err := catalog.Among(ctx, r.store.Templates(), tenant+"/", keys)
		if err != nil {
			return nil, err
		}
		for _, rec := range records {
			if t := rec.Value; matches(t) {
				t.Lifecycle = t.Lifecycle.WithDefaults(t.CreatedAt)
				found = append(found, t)
			}
		}
	}
	slices.SortFunc(found, func(a, b catalog.Template) int { return a.ID.Compare(b.ID) })
	return found, nil
}
