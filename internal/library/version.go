package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// VersionRequest asks for a new version.
type VersionRequest struct {
	ID catalog.VersionID
	VersionSettings
	Source     source.Source
	Parent     string       // the version of the same template that the image is compared with; "" for none
	VerifyFull bool         // read the stored image back before the version is registered
	Spec       catalog.Spec // what the version overrides; the rest comes from the template and is frozen
	Progress   func(done, total int64)

	steps *step.Timer
}

// RegisterVersion stores the image, unless the pool has it, and then makes the version visible.
func (l *Library) RegisterVersion(ctx context.Context, r VersionRequest) (catalog.Version, error) {
	none := catalog.Version{}
	r.steps = step.NewTimer()
	if err := l.home.Open(ctx); err != nil {
		return none, err
	}
	if err := r.Spec.Validate().Err(); err != nil {
		return none, err
	}
	template, err := l.Template(ctx, r.ID.Template)
	if err == nil {
		err = template.Need(l.me, catalog.Write)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return none, l.NoSuchTemplate(r.ID.Template)
	}
	if err == nil {
		err = catalog.ValidateLifecycle(r.State, r.Deprecation).Err()
	}
	if err != nil {
		return none, err
	}
	spec := r.Spec.Over(template.Spec)
	if err := spec.ValidateWhole(template.Type).Err(); err != nil {
		return none, err
	}
	form := catalog.ImageForm(template.Type)
	parent, err := registrar{l}.parentOf(ctx, form, r)
	if err != nil {
		return none, err
	}
	l.sweep(ctx)
	defer l.forget(r.ID.Template)
	claimed, taken, err := registrar{l}.claimOrTakeOver(ctx, r, spec)
	if err != nil {
		return none, err
	}
	if taken.Key != "" {
		return taken.Value, nil
	}
	held, err := l.home.Hold(ctx, imagestore.Request{
		Version:    r.ID,
		Form:       form,
		Source:     r.Source,
		Parent:     parent,
		Stem:       claimed.Claim.Volume,
		VerifyFull: r.VerifyFull,
		Progress:   r.Progress,
		Steps:      r.steps,
	})
	if _, left := errors.AsType[*imagestore.LeftoverError](err); left {
		return none, err
	}
	if err != nil {
		return none, errors.Join(err, registrar{l}.withdraw(ctx, claimed))
	}
	base := held.Base
	v := catalog.Version{
		ID: r.ID, Description: r.Description, DeletionProtection: r.DeletionProtection, Warm: r.Warm,
		Lifecycle: catalog.Lifecycle{}.To(r.State, r.Deprecation, now()), Spec: spec, Overrides: r.Spec,
		Digest: base.Digest, Format: base.Format,
		VirtualSize: base.VirtualSize, StoredSize: base.StoredSize, Transferred: held.Transferred, Parent: r.Parent,
		Root:      held.Root,
		CreatedAt: now(), CreatedBy: l.me.User, Maker: lease.This(), Registration: recorded(r.steps),
	}
	err = v.Spec.CheckImage(template.Type, v.VirtualSize).Err()
	if err == nil {
		err = registrar{l}.fulfil(ctx, claimed, v)
	}
	if err == nil {
		l.newVersions.Add(r.ID)
		return v, nil
	}
	if errors.Is(err, catalog.ErrNotFound) { // this process was taken for dead
		err = fmt.Errorf("registering version %q took so long that another process has removed or registered it "+
			"meanwhile: try again", r.ID)
	}
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	if released := l.home.ReleaseUnregistered(undo, base.Digest, r.ID); released != nil {
		return none, errors.Join(err, released)
	}
	return none, errors.Join(err, registrar{l}.withdraw(ctx, claimed))
}

// claimOrTakeOver is claimVersion once the name is free, or takeOver of an orphan: taken.Key is ""
// if there was none.
func (l registrar) claimOrTakeOver(ctx context.Context, r VersionRequest, spec catalog.Spec) (
	claimed catalog.Version, taken catalog.Record[catalog.Version], err error,
) {
	var refused catalog.Revision // of a version that is not the same, and need not be read again
	err = l.Removals.WhileTaken(ctx, func() (err error) {
		claimed, taken, err = l.claimVersion(ctx, r)
		if err != nil || taken.Key == "" {
			return err
		}
		if taken.Revision == refused {
			return VersionExists(r.ID)
		}
		refused = taken.Revision
		taken.Value, err = l.takeOver(ctx, r, spec, taken)
		return err
	})
	return claimed, taken, err
}

// VersionExists is the finding for a version that exists already.
func VersionExists(id catalog.VersionID) error {
	return planning.Taken(finding.List{{Path: finding.At("version"), Summary: "Version already exists",
		Detail: fmt.Sprintf(
			"Template %q has a version %s already, and versions do not change: choose a higher one, %s.",
			id.Template, id.Version, planning.UniqueName("version", id.String()))}})
}

// CheckNewVersion returns a finding if the running plan cannot register a version, because it
// exists already. A version of the plan's own state is replaced, and one that a dead process left
// is taken over.
func (l *Library) CheckNewVersion(ctx context.Context, id catalog.VersionID) error {
	return l.Removals.WhilePlanning(ctx, func() error {
		_, versions, err := l.Planned(ctx, id.Template)
		if err != nil || l.Plan.InState(id) {
			return err
		}
		for _, v := range versions {
			if v.ID == id && !lease.Dead(v.Maker) {
				return VersionExists(id)
			}
		}
		return nil
	})
}

// NoSuchTemplate is the finding for a template_id that names no template.
func (r *reader) NoSuchTemplate(id catalog.TemplateID) finding.List {
	return finding.List{{Path: finding.At("template_id"), Summary: "Template not found", Detail: r.Missing(id)}}
}

// Missing says that a template does not exist, and what to do.
func (r *reader) Missing(id catalog.TemplateID) string {
	return fmt.Sprintf("%s has no template %q. Check the name and the tenant; if the same configuration creates the "+
		"template, refer to it by novacron_template.NAME.id.", r.catalogName(), id)
}

// Version reads a version. It returns catalog.ErrNotFound if there is none, or none that the
// library's user may see, or if it is still being registered.
func (r *reader) Version(ctx context.Context, id catalog.VersionID) (catalog.Version, error) {
	t, err := r.ours(ctx, id.Template)
	if err != nil {
		return catalog.Version{}, err
	}
	rec, err := r.store.Versions().Get(ctx, id.String())
	if err != nil {
		return catalog.Version{}, err
	}
	return r.seen(t, r.unmarked(ctx, rec.Value))
}

// Stands makes sure that a version that the library's user was allowed to use still exists, and is
// not about to be removed.
func (r *reader) Stands(ctx context.Context, id catalog.VersionID) error {
	rec, err := r.store.Versions().Get(ctx, id.String())
	if err == nil && r.deleting(ctx, rec.Value) {
		err = imagestore.BeingRemoved(id)
	}
	return err
}

// Versions lists a template's versions that the library's user may see, newest first; it returns
// catalog.ErrNotFound if they may not see the template.
func (r *reader) Versions(ctx context.Context, id catalog.TemplateID) ([]catalog.Version, error) {
	t, err := r.Template(ctx, id)
	if err != nil {
		return nil, err
	}
	return r.history(ctx, t)
}

// VersionSettings are the settings of a version that can be changed.
type VersionSettings struct {
	Description        string
	DeletionProtection bool
	State              catalog.State // "" is active
	Deprecation        string
	Warm               *catalog.Warm // nil for no warm snapshot
}

// UpdateVersion changes a version's settings. That requires the right to write its template
// (catalog.RightError). A draft that is published keeps its current spec; a version that becomes a
// draft again follows its template.
func (l *Library) UpdateVersion(
	ctx context.Context, id catalog.VersionID, to VersionSettings,
) (catalog.Version, error) {
	t, err := l.writable(ctx, id.Template)
	if err != nil {
		return catalog.Version{}, err
	}
	l.forget(id.Template)
	defer l.forget(id.Template) // another goroutine may have read it meanwhile
	rec, err := catalog.Change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error {
		if v.Claim != nil {
			return catalog.ErrNotFound
		}
		*v = withTemplate(t, *v)
		before := v.State
		v.Description, v.DeletionProtection, v.Warm = to.Description, to.DeletionProtection, to.Warm
		v.Lifecycle = v.Lifecycle.To(to.State, to.Deprecation, now())
		if err := CheckPublished(t.Type, *v, before); err != nil {
			return err
		}
		return l.CheckState(ctx, id.Template, id.Version, before, v.State)
	})
	return withTemplate(t, rec.Value), err
}

// CheckPublished returns findings for everything wrong with a version of a template of a type, as it
// is from now on. A draft's spec changes with its template, so it is checked when the version stops
// being a draft.
func CheckPublished(of string, v catalog.Version, before catalog.State) error {
	fs := catalog.ValidateLifecycle(v.State, v.Deprecation)
	if before.OrActive() != catalog.Draft || v.State.OrActive() == catalog.Draft {
		return fs.Err()
	}
	wrong := append(v.Spec.Validate(), v.Spec.ValidateWhole(of)...)
	if len(wrong) == 0 {
		wrong = v.Spec.CheckImage(of, v.VirtualSize)
	}
	for _, f := range wrong {
		fs.Add(finding.At("state"), "Could not publish draft",
			fmt.Sprintf("As its template is now, version %q would have this wrong with it: %s", v.ID, f.Error()))
	}
	return fs.Err()
}
