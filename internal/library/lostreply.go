package library

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// If a process is killed right after it registered something, the object exists but is in no state.
// So the document names the process, and the name is cleared when Terraform shuts the provider
// down, because by then Terraform has every response. If a process dies before that, the next
// request for exactly the same object takes over what it registered.

// takeOver makes a lost version this registration's own, if it is what would be registered.
func (l registrar) takeOver(ctx context.Context, r Registration, spec catalog.Spec, lost catalog.Record[catalog.Version]) (catalog.Version, error) {
	v := lost.Value
	if v.CreatedBy != l.me.User || v.Parent != r.Parent || !sameSpec(v.Overrides, r.Spec) || !sameSpec(v.Spec, spec) || l.deleting(ctx, v) {
		return catalog.Version{}, VersionExists(r.ID)
	}
	same, err := l.Images.LeadsTo(ctx, r.Source, v.Digest)
	if err != nil {
		return catalog.Version{}, err
	}
	if !same || !l.Removals.Keep(r.ID.String()) {
		return catalog.Version{}, VersionExists(r.ID)
	}
	v.Description, v.DeletionProtection, v.Maker = r.Description, r.DeletionProtection, lease.This()
	v.Lifecycle = v.Lifecycle.To(r.State, r.Deprecation, now())
	if _, err := l.store.Versions().Replace(ctx, lost.Key, lost.Revision, v); err != nil {
		if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) { // a state has it after all
			err = VersionExists(r.ID)
		}
		return catalog.Version{}, err
	}
	l.unconfirmed.version(r.ID)
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

// unconfirmed is what this process has registered and the documents do not yet mark as received by
// Terraform.
type unconfirmed struct {
	mu        sync.Mutex
	templates []catalog.TemplateID
	versions  []catalog.VersionID
}

func (u *unconfirmed) template(id catalog.TemplateID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.templates, id) {
		u.templates = append(u.templates, id)
	}
}

func (u *unconfirmed) version(id catalog.VersionID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.versions, id) {
		u.versions = append(u.versions, id)
	}
}

// Confirm records that Terraform has received all responses about what was registered. It is for
// the end of a process.
func (l *Library) Confirm(ctx context.Context) error {
	l.unconfirmed.mu.Lock()
	defer l.unconfirmed.mu.Unlock()
	var errs []error
	for _, id := range l.unconfirmed.templates {
		_, err := catalog.Change(ctx, l.store.Templates(), id.String(), func(t *catalog.Template) error { return confirmed(&t.Maker) })
		errs = append(errs, catalog.IgnoreNotFound(err))
	}
	for _, id := range l.unconfirmed.versions {
		_, err := catalog.Change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error { return confirmed(&v.Maker) })
		errs = append(errs, catalog.IgnoreNotFound(err))
	}
	l.unconfirmed.templates, l.unconfirmed.versions = nil, nil
	return errors.Join(errs...)
}

// confirmed clears the maker of what this process has created. It returns catalog.ErrNotFound if
// another process has created it again since.
func confirmed(maker *string) error {
	if *maker != lease.This() {
		return catalog.ErrNotFound
	}
	*maker = ""
	return nil
}
