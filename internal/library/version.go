package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// Registration asks for a new version.
type Registration struct {
	ID catalog.VersionID
	VersionSettings
	Source     image.Source
	VerifyFull bool         // read the stored image back before the version is registered
	Spec       catalog.Spec // what the version overrides; the rest comes from the template and is frozen
	Progress   func(done, total int64)

	volume string // how the names of volumes begin that the image is sent to
	steps  *steps
}

// RegisterVersion stores the image, unless the pool has it, and then makes the version visible.
func (l *Library) RegisterVersion(ctx context.Context, r Registration) (catalog.Version, error) {
	none := catalog.Version{}
	r.steps = newSteps()
	if err := l.open(ctx); err != nil {
		return none, err
	}
	if err := r.Spec.Validate().Err(); err != nil {
		return none, err
	}
	template, err := l.Template(ctx, r.ID.Template)
	if errors.Is(err, catalog.ErrNotFound) {
		return none, l.NoSuchTemplate(r.ID.Template)
	}
	if err != nil {
		return none, err
	}
	spec := r.Spec.Over(template.Spec)
	if err := spec.ValidateWhole().Err(); err != nil {
		return none, err
	}
	l.sweep(ctx)
	claim, lost, err := l.claimVersion(ctx, r)
	if err != nil {
		return none, err
	}
	defer l.plan.forget(r.ID.Template)
	if lost.Key != "" {
		return l.takeOver(ctx, r, spec, lost)
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
		ID: r.ID, Description: r.Description, DeletionProtection: r.DeletionProtection, Spec: spec, Overrides: r.Spec,
		Digest: base.Digest, Format: base.Format,
		VirtualSize: base.VirtualSize, StoredSize: base.StoredSize, Transferred: transferred,
		CreatedAt: now(), CreatedBy: l.me.User, Maker: runner.This(), Registered: r.steps.record(),
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
		err = fmt.Errorf("registering version %q took so long that somebody else has removed or registered it meanwhile: try again", r.ID)
	}
	undo, cancel := undoContext(ctx)
	defer cancel()
	if released := l.letGo(undo, base.Digest, r.ID); released != nil {
		return none, errors.Join(err, released)
	}
	return none, errors.Join(err, l.withdraw(ctx, claim))
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
	return catalog.Findings{{Path: catalog.At("version"), Summary: "Version exists", Detail: fmt.Sprintf(
		"Template %q has a version %s already, and versions do not change: choose a higher one, or take it over with "+
			"`terraform import`, id %q.", id.Template, id.Version, id)}}
}

// NoSuchTemplate is the finding for a template_id that names nothing.
func (l *Library) NoSuchTemplate(id catalog.TemplateID) catalog.Findings {
	return catalog.Findings{{Path: catalog.At("template_id"), Summary: "No such template", Detail: l.Missing(id)}}
}

// Missing says that a template is not there, and what to do.
func (l *Library) Missing(id catalog.TemplateID) string {
	return fmt.Sprintf("The library in pool %q on %s has no template %q. Check the name and the tenant; where the template is "+
		"made in the same configuration, refer to it by novacron_template.NAME.id.", l.pool, l.host.URI(), id)
}

// Version reads a version; catalog.ErrNotFound, also for one that is only being registered.
func (l *Library) Version(ctx context.Context, id catalog.VersionID) (catalog.Version, error) {
	if err := l.open(ctx); err != nil {
		return catalog.Version{}, err
	}
	rec, err := l.store.Versions().Get(ctx, id.String())
	if err == nil && rec.Value.Coming != nil {
		err = fmt.Errorf("version %q is being registered: %w", id, catalog.ErrNotFound)
	}
	return rec.Value, err
}

// Versions lists a template's versions, newest first.
func (l *Library) Versions(ctx context.Context, id catalog.TemplateID) ([]catalog.Version, error) {
	if err := l.open(ctx); err != nil {
		return nil, err
	}
	records, err := l.store.Versions().List(ctx, id.String()+"@")
	if err != nil {
		return nil, err
	}
	byName := make(map[string]catalog.Version, len(records))
	names := make([]string, 0, len(records))
	for _, rec := range records {
		if rec.Value.Coming == nil {
			names = append(names, rec.Value.ID.Version)
			byName[rec.Value.ID.Version] = rec.Value
		}
	}
	catalog.SortVersions(names)
	versions := make([]catalog.Version, len(names))
	for i, name := range names {
		versions[i] = byName[name]
	}
	return versions, nil
}

// VersionSettings are what may change about a version.
type VersionSettings struct {
	Description        string
	DeletionProtection bool
}

// UpdateVersion changes what may change about a version.
func (l *Library) UpdateVersion(ctx context.Context, id catalog.VersionID, to VersionSettings) (catalog.Version, error) {
	if err := l.open(ctx); err != nil {
		return catalog.Version{}, err
	}
	l.plan.forget(id.Template)
	rec, err := change(ctx, l.store.Versions(), id.String(), func(v *catalog.Version) error {
		if v.Coming != nil {
			return catalog.ErrNotFound
		}
		v.Description, v.DeletionProtection = to.Description, to.DeletionProtection
		return nil
	})
	return rec.Value, err
}

// ErrNoImage says that a version is there, but its image is not.
var ErrNoImage = errors.New("its image is not in the pool any more")

// StorageLocation is where the version's base image is: the volume's path. ErrNoImage when somebody removed it.
func (l *Library) StorageLocation(ctx context.Context, v catalog.Version) (string, error) {
	base, err := l.Base(ctx, v.Digest)
	var volume hypervisor.Volume
	if err == nil {
		volume, err = l.host.Volume(ctx, l.pool, base.Volume)
	}
	if errors.Is(err, catalog.ErrNotFound) || errors.Is(err, hypervisor.ErrNoVolume) {
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
