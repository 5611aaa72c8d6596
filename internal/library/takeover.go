package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// If a process is killed right after it registered something, the object exists but is in no state.
// So the document names the process, and the name is cleared when Terraform shuts the provider
// down, because by then Terraform has every response. If a process dies before that, the object is
// an orphan: the next request for exactly the same object takes it over.

// takeOverTemplate overwrites a template that was registered by a process which died before it
// could report it; for any other template it returns a finding.
func (l *Library) takeOverTemplate(ctx context.Context, t catalog.Template) (catalog.Record[catalog.Template], error) {
	rec, err := l.store.Templates().Get(ctx, t.ID.String())
	same := err == nil && rec.Value.Owner == t.Owner && rec.Value.Type == t.Type
	if same && lease.Dead(rec.Value.Maker) && l.Removals.Keep(t.ID.String()) {
		rec, err = l.store.Templates().Replace(ctx, rec.Key, rec.Revision, t)
	} else if err == nil {
		err = catalog.ErrExists
	}
	if errors.Is(err, catalog.ErrExists) || errors.Is(err, catalog.ErrConflict) {
		err = l.templateExists(t.ID, rec.Value.Right(l.me) == catalog.Write)
	}
	return rec, err
}

// takeOver makes an orphan this request's own, if it is what would be registered.
func (l registrar) takeOver(
	ctx context.Context, r VersionRequest, spec catalog.Spec, orphan catalog.Record[catalog.Version],
) (catalog.Version, error) {
	v := orphan.Value
	if v.CreatedBy != l.me.User || v.Parent != r.Parent || !sameSpec(v.Overrides, r.Spec) || !sameSpec(v.Spec, spec) ||
		l.deleting(ctx, v) {
		return catalog.Version{}, VersionExists(r.ID)
	}
	same, err := l.home.LeadsTo(ctx, r.Source, v)
	if err != nil {
		return catalog.Version{}, err
	}
	if !same || !l.Removals.Keep(r.ID.String()) {
		return catalog.Version{}, VersionExists(r.ID)
	}
	v.Description, v.DeletionProtection, v.Warm, v.Maker = r.Description, r.DeletionProtection, r.Warm, lease.This()
	v.Lifecycle = v.Lifecycle.To(r.State, r.Deprecation, now())
	if _, err := l.store.Versions().Replace(ctx, orphan.Key, orphan.Revision, v); err != nil {
		if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) { // a state has it after all
			err = VersionExists(r.ID)
		}
		return catalog.Version{}, err
	}
	l.newVersions.Add(r.ID)
	return v, nil
}

// sameSpec compares specs as they would be written down.
func sameSpec(a, b catalog.Spec) bool {
	left, err := json.Marshal(a)
	if err != nil {
		return false
	}
	right, err := json.Marshal(b)
	return err == nil && bytes.Equal(left, right)
}

// Confirm records that Terraform has received all responses about what was registered. It is for
// the end of a process.
func (l *Library) Confirm(ctx context.Context) error {
	var errs []error
	for _, id := range l.newTemplates.Take() {
		_, err := catalog.Change(ctx, l.store.Templates(), id.String(), func(t *catalog.Template) error {
			return confirm(&t.Maker)
		})
		errs = append(errs, catalog.IgnoreNotFound(err))
	}
	for _, id := range l.newVersions.Take() {
		_, err := catalog.Change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error {
			return confirm(&v.Maker)
		})
		errs = append(errs, catalog.IgnoreNotFound(err))
	}
	return errors.Join(errs...)
}

// confirm clears the maker of a document. It returns catalog.ErrNotFound if the document is another
// process's.
func confirm(maker *string) error {
	if !lease.Confirm(maker) {
		return catalog.ErrNotFound
	}
	return nil
}
