package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Registration asks for a new version.
type Registration struct {
	ID catalog.VersionID
	VersionSettings
	Source     source.Source
	Parent     string       // the version of the same template that the image is compared with; "" for none
	VerifyFull bool         // read the stored image back before the version is registered
	Spec       catalog.Spec // what the version overrides; the rest comes from the template and is frozen
	Progress   func(done, total int64)

	parent *catalog.Version // of Parent; nil for none
	volume string           // how the names of volumes begin that the image is sent to
	steps  *step.Timer
}

// RegisterVersion stores the image, unless the pool has it, and then makes the version visible.
func (l *Library) RegisterVersion(ctx context.Context, r Registration) (catalog.Version, error) {
	none := catalog.Version{}
	r.steps, r.Source = step.NewTimer(), l.bound(r.Source)
	if err := l.open(ctx); err != nil {
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
	if err := spec.ValidateWhole().Err(); err != nil {
		return none, err
	}
	if r.parent, err = l.parentOf(ctx, r); err != nil {
		return none, err
	}
	l.sweep(ctx)
	defer l.plan.forget(r.ID.Template)
	claim, lost, err := l.claimOrTakeOver(ctx, r, spec)
	if err != nil {
		return none, err
	}
	if lost.Key != "" {
		return lost.Value, nil
	}
	r.volume = claim.Coming.Volume
	base, transferred, err := l.holdBase(ctx, r)
	if _, left := errors.AsType[*leftError](err); left {
		return none, err
	}
	if err != nil {
		return none, errors.Join(err, l.withdraw(ctx, claim))
	}
	v := catalog.Version{
		ID: r.ID, Description: r.Description, DeletionProtection: r.DeletionProtection,
		Lifecycle: catalog.Lifecycle{}.To(r.State, r.Deprecation, now()), Spec: spec, Overrides: r.Spec,
		Digest: base.Digest, Format: base.Format,
		VirtualSize: base.VirtualSize, StoredSize: base.StoredSize, Transferred: transferred, Parent: r.Parent,
		CreatedAt: now(), CreatedBy: l.me.User, Maker: runner.This(), Registered: registering(r.steps),
	}
	err = v.Spec.Storage.CheckImage(v.VirtualSize).Err()
	if err == nil {
		err = l.fulfil(ctx, claim, v)
	}
	if err == nil {
		l.unconfirmed.version(r.ID)
		return v, nil
	}
	if errors.Is(err, catalog.ErrNotFound) { // this process was taken for dead
		err = fmt.Errorf("registering version %q took so long that another process has removed or registered it meanwhile: try again", r.ID)
	}
	undo, cancel := undoContext(ctx)
	defer cancel()
	if released := l.letGo(undo, base.Digest, r.ID); released != nil {
		return none, errors.Join(err, released)
	}
	return none, errors.Join(err, l.withdraw(ctx, claim))
}

// claimOrTakeOver is claimVersion once the name is free, or takeOver of what was lost: taken.Key is "" where there was none.
func (l *Library) claimOrTakeOver(ctx context.Context, r Registration, spec catalog.Spec) (claim catalog.Version, taken catalog.Record[catalog.Version], err error) {
	var refused catalog.Revision // of what is not the same, and need not be read again
	err = l.WhileTaken(ctx, func() (err error) {
		claim, taken, err = l.claimVersion(ctx, r)
		if err != nil || taken.Key == "" {
			return err
		}
		if taken.Revision == refused {
			return l.VersionExists(r.ID)
		}
		refused = taken.Revision
		taken.Value, err = l.takeOver(ctx, r, spec, taken)
		return err
	})
	return claim, taken, err
}

// letGo takes a version that was not registered off a base's users, unless somebody else registered it with that base.
func (l *Library) letGo(ctx context.Context, digest string, id catalog.VersionID) error {
	rec, err := l.store.Versions().Get(ctx, id.String())
	if err == nil && rec.Value.Digest == digest { // a version that is coming has none yet
		return nil
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return err
	}
	return l.releaseBase(ctx, digest, id)
}

// VersionExists is the finding for a version that is there already.
func (l *Library) VersionExists(id catalog.VersionID) error {
	return Taken(finding.List{{Path: finding.At("version"), Summary: "Version already exists", Detail: fmt.Sprintf(
		"Template %q has a version %s already, and versions do not change: choose a higher one, %s.", id.Template, id.Version,
		UniqueName("version", id.String()))}})
}

// CheckNewVersion finds that the running plan cannot register a version, because it exists already. A version of the plan's own
// state is replaced, and one that a process left which died is taken over.
func (l *Library) CheckNewVersion(ctx context.Context, id catalog.VersionID) error {
	return l.PlanName(ctx, func() error {
		_, versions, err := l.Planned(ctx, id.Template)
		if err != nil || l.Owned(id) {
			return err
		}
		for _, v := range versions {
			if v.ID == id && !runner.Dead(v.Maker) {
				return l.VersionExists(id)
			}
		}
		return nil
	})
}

// NoSuchTemplate is the finding for a template_id that names nothing.
func (l *Library) NoSuchTemplate(id catalog.TemplateID) finding.List {
	return finding.List{{Path: finding.At("template_id"), Summary: "Template not found", Detail: l.Missing(id)}}
}

// Missing says that a template is not there, and what to do.
func (l *Library) Missing(id catalog.TemplateID) string {
	return fmt.Sprintf("%s has no template %q. Check the name and the tenant; if the same configuration creates the "+
		"template, refer to it by novacron_template.NAME.id.", l.catalogue(), id)
}

// Version reads a version; catalog.ErrNotFound where there is none, or none that the library's user may see, also for one
// that is only being registered.
func (l *Library) Version(ctx context.Context, id catalog.VersionID) (catalog.Version, error) {
	t, err := l.ours(ctx, id.Template)
	if err != nil {
		return catalog.Version{}, err
	}
	rec, err := l.store.Versions().Get(ctx, id.String())
	if err != nil {
		return catalog.Version{}, err
	}
	return l.seen(t, l.unmarked(ctx, rec.Value))
}

// Stands makes sure that a version that the library's user was let use is still there, and nobody is about to remove it.
func (l *Library) Stands(ctx context.Context, id catalog.VersionID) error {
	rec, err := l.store.Versions().Get(ctx, id.String())
	if err == nil && l.deleting(ctx, rec.Value) {
		err = beingRemoved(id)
	}
	return err
}

// Holds makes sure that a version's base is still there to stand on, and nobody is about to remove it. It is asked once the
// volume is there that stands on the base. The mark on a version expires; that on a base does not, and who sets it looks for such
// volumes afterwards. Another host that has the pool may have set it since the pool was looked at last, so it is looked at again.
func (l *Library) Holds(ctx context.Context, id catalog.VersionID, base catalog.Base) error {
	if err := l.lookAgain(ctx); err != nil {
		return err
	}
	rec, err := l.store.Bases().Get(ctx, catalog.BaseKey(base.Digest))
	if errors.Is(err, catalog.ErrNotFound) || err == nil && (rec.Value.State != catalog.BaseReady || rec.Value.Volume != base.Volume) {
		return beingRemoved(id)
	}
	return err
}

func beingRemoved(id catalog.VersionID) error {
	return fmt.Errorf("version %q is being removed by another process just now: choose another version", id)
}

// Versions lists a template's versions that the library's user may see, newest first; catalog.ErrNotFound where they may
// not see the template.
func (l *Library) Versions(ctx context.Context, id catalog.TemplateID) ([]catalog.Version, error) {
	t, err := l.Template(ctx, id)
	if err != nil {
		return nil, err
	}
	return l.history(ctx, t)
}

// VersionSettings are what may change about a version.
type VersionSettings struct {
	Description        string
	DeletionProtection bool
	State              catalog.State // "" is active
	Deprecation        string
}

// UpdateVersion changes what may change about a version. That takes the right to write its template (catalog.RightError).
// A draft that is published keeps the spec that it has then; one that becomes a draft again follows its template.
func (l *Library) UpdateVersion(ctx context.Context, id catalog.VersionID, to VersionSettings) (catalog.Version, error) {
	t, err := l.writable(ctx, id.Template)
	if err != nil {
		return catalog.Version{}, err
	}
	l.plan.forget(id.Template)
	rec, err := change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error {
		if v.Coming != nil {
			return catalog.ErrNotFound
		}
		*v = settled(t, *v)
		before := v.State
		v.Description, v.DeletionProtection = to.Description, to.DeletionProtection
		v.Lifecycle = v.Lifecycle.To(to.State, to.Deprecation, now())
		if err := CheckPublished(*v, before); err != nil {
			return err
		}
		return l.CheckState(ctx, id.Template, id.Version, before, v.State)
	})
	return settled(t, rec.Value), err
}

// CheckPublished finds what is wrong with a version as it is to be from now on. What a draft is made of changes with its
// template, so it is looked at when that ends.
func CheckPublished(v catalog.Version, before catalog.State) error {
	fs := catalog.ValidateLifecycle(v.State, v.Deprecation)
	if before.OrActive() != catalog.Draft || v.State.OrActive() == catalog.Draft {
		return fs.Err()
	}
	wrong := append(v.Spec.Validate(), v.Spec.ValidateWhole()...)
	if len(wrong) == 0 {
		wrong = v.Spec.Storage.CheckImage(v.VirtualSize)
	}
	for _, f := range wrong {
		fs.Add(finding.At("state"), "Could not publish draft", fmt.Sprintf("As its template is now, version %q would have this wrong with it: %s", v.ID, f.Error()))
	}
	return fs.Err()
}

// ErrNoImage says that a version is there, but its image is not.
var ErrNoImage = errors.New("its image is not in the pool any more")

// StorageLocation is where the version's base image is: the volume's path. ErrNoImage when somebody removed it.
func (l *Library) StorageLocation(ctx context.Context, v catalog.Version) (string, error) {
	base, err := l.Base(ctx, v.Digest)
	var volume host.Volume
	if err == nil {
		volume, err = l.host.Volume(ctx, l.pool, base.Volume)
	}
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, host.ErrNoVolume) {
		// Not wrapped: the version itself has been found.
		return "", fmt.Errorf("version %q: %w (%v)", v.ID, ErrNoImage, err) //nolint:errorlint // see above
	}
	return volume.Path, err
}

// Base reads the base image of a digest; catalog.ErrNotFound where it is not complete.
func (l *Library) Base(ctx context.Context, digest string) (catalog.Base, error) {
	if err := l.open(ctx); err != nil {
		return catalog.Base{}, err
	}
	rec, err := l.store.Bases().Get(ctx, catalog.BaseKey(digest))
	if err == nil && rec.Value.State != catalog.BaseReady {
		err = fmt.Errorf("base image %s is %s: %w", digest, rec.Value.State, catalog.ErrNotFound)
	}
	return rec.Value, err
}
