package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// CreateTemplate registers a template under the user's tenant. It fills in the owner and the times.
func (l *Library) CreateTemplate(ctx context.Context, t catalog.Template) (catalog.Template, error) {
	if err := l.home.Open(ctx); err != nil {
		return t, err
	}
	t.ID.Tenant, t.Owner, t.CreatedAt = l.me.Tenant, l.me.User, now()
	t.UpdatedAt = t.CreatedAt
	if err := Validate(t); err != nil {
		return t, err
	}
	t.Lifecycle = catalog.Lifecycle{}.To(t.State, t.Deprecation, t.CreatedAt)
	l.forget(t.ID)
	t.Maker = lease.This()
	var rec catalog.Record[catalog.Template]
	err := l.Removals.WhileTaken(ctx, func() (err error) {
		if rec, err = l.store.Templates().Create(ctx, t.ID.String(), t); errors.Is(err, catalog.ErrExists) {
			rec, err = l.takeOverTemplate(ctx, t)
		}
		return err
	})
	if err == nil {
		l.newTemplates.Add(t.ID)
	}
	return rec.Value, err
}

// templateExists is the finding for a name that is taken. If the user may not write the template,
// the finding discloses only the name, which the tenant shares, and does not suggest removing the
// template, which they cannot do.
func (l *Library) templateExists(id catalog.TemplateID, writable bool) error {
	other := "Choose another name."
	if writable {
		other = "Choose another name, " + planning.UniqueName("template", id.String()) + "."
	}
	found := finding.List{{Path: finding.At("name"), Summary: "Template already exists", Detail: fmt.Sprintf(
		"%s has a template %q already. %s", l.catalogName(), id, other)}}
	if writable {
		return planning.Taken(found)
	}
	return found
}

// CheckNewTemplate returns a finding if the running plan cannot create a template: the pool does
// not exist, or the name is taken. A template of the plan's own state is replaced, and one that a
// dead process left is taken over.
func (l *Library) CheckNewTemplate(ctx context.Context, id catalog.TemplateID) error {
	if err := l.home.Pool().Check(ctx); err != nil {
		return err
	}
	return l.Removals.WhilePlanning(ctx, func() error {
		if l.Plan.TemplateInState(id) || !l.home.Pool().Opened() { // the pool is created with the template
			return nil
		}
		t, err := l.Template(ctx, id)
		if errors.Is(err, catalog.ErrNotFound) {
			return nil
		}
		if err == nil && !lease.Dead(t.Maker) {
			err = l.templateExists(id, t.Right(l.me) == catalog.Write)
		}
		return err
	})
}

// Validate returns findings for everything wrong with a template. Its tenant may be left out.
func Validate(t catalog.Template) error {
	fs := append(t.Spec.Validate(), t.Spec.ValidateWhole(t.Type)...)
	fs = append(fs, catalog.ValidateLifecycle(t.State, t.Deprecation)...)
	return append(fs, t.Access.Validate(t.ID.Tenant)...).Err()
}

// Template reads a template; it returns catalog.ErrNotFound if there is none, or none that the
// library's user may see.
func (r *reader) Template(ctx context.Context, id catalog.TemplateID) (catalog.Template, error) {
	if err := r.home.Open(ctx); err != nil {
		return catalog.Template{}, err
	}
	rec, err := r.readable(ctx, id)
	return rec.Value, err
}

// UpdateTemplate changes a template by the given edit, and repeats that whenever another change
// came first. It requires the right to write (catalog.RightError); the edit cannot change the owner
// and the times. A change of the spec also changes the template's drafts.
func (l *Library) UpdateTemplate(
	ctx context.Context, id catalog.TemplateID, edit func(*catalog.Template),
) (catalog.Template, error) {
	if err := l.home.Open(ctx); err != nil {
		return catalog.Template{}, err
	}
	l.forget(id)
	defer l.forget(id) // another goroutine may have read it meanwhile
	rec, err := catalog.Change(ctx, l.store.Templates(), id.String(), func(t *catalog.Template) error {
		t.Lifecycle = t.Lifecycle.WithDefaults(t.CreatedAt)
		if err := t.Need(l.me, catalog.Write); err != nil {
			return err
		}
		before := *t
		edit(t)
		t.ID, t.Owner, t.CreatedAt, t.UpdatedAt = before.ID, before.Owner, before.CreatedAt, now()
		t.Lifecycle = before.Lifecycle.To(t.State, t.Deprecation, t.UpdatedAt)
		if err := Validate(*t); err != nil {
			return err
		}
		return l.CheckState(ctx, id, "", before.State, t.State)
	})
	return rec.Value, err
}

// DeleteTemplate removes a template that has no versions. Deleting a template that is already gone
// is not an error.
func (l *Library) DeleteTemplate(ctx context.Context, id catalog.TemplateID) error {
	end, kept := l.Removals.Begin(id.String())
	defer end()
	if kept {
		return nil
	}
	if err := l.home.Open(ctx); err != nil {
		return err
	}
	rec, err := l.readable(ctx, id)
	if err == nil {
		err = rec.Value.Need(l.me, catalog.Write)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return l.CheckTemplateGone(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("removing template %q: %w", id, err)
	}
	if rec.Value.DeletionProtection {
		return finding.List{{Path: finding.At("deletion_protection"), Summary: "Template is protected",
			Detail: fmt.Sprintf(
				"Template %q has deletion_protection: set it to false and apply before it can be destroyed "+
					"or replaced.", id)}}
	}
	l.sweep(ctx)
	versions, err := l.store.Versions().List(ctx, id.String()+"@") // also those that are coming
	if err != nil {
		return err
	}
	if len(versions) > 0 {
		return l.hasVersions(ctx, id, versions)
	}
	defer l.forget(id)
	err = l.store.Templates().Delete(ctx, rec.Key, rec.Revision)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	return err
}

// hasVersions is the finding for a template that cannot be removed. It names at once everything
// that stands on its versions, rather than leave that to the removal of one version after another.
func (l *Library) hasVersions(
	ctx context.Context, id catalog.TemplateID, versions []catalog.Record[catalog.Version],
) error {
	instances, _, err := l.instancesOf(ctx, id)
	if err != nil {
		return err
	}
	names := make([]string, len(versions))
	for i, v := range versions {
		names[i] = v.Value.ID.Version
	}
	needing := slices.DeleteFunc(instances, func(i usage.Instance) bool { return !strategy.HoldsBase(i.Strategy) })
	first := "Destroy them first"
	if len(needing) > 0 {
		first = fmt.Sprintf("Destroy them first, and before them the instances that need their images: %s",
			l.home.Usage().Named(needing))
	}
	return finding.List{{Path: finding.At("name"), Summary: "Template still has versions", Detail: fmt.Sprintf(
		"Template %q cannot be removed while it has versions: %s. %s; if they are in the same configuration, "+
			"refer to the template by template_id = novacron_template.NAME.id, so that Terraform "+
			"knows the order. Nothing was changed.", id, strings.Join(names, ", "), first)}}
}

// now is the time to write down: in UTC and whole seconds, as it is shown.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
