package library

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Registration asks for a new version.
type Registration struct {
	ID catalog.VersionID
	VersionSettings
	Source   image.Source
	Spec     catalog.Spec // what the version overrides; the rest comes from the template and is frozen
	Progress func(sent, total int64)
}

// RegisterVersion stores the image, unless the pool has it, and then makes the version visible.
func (l *Library) RegisterVersion(ctx context.Context, r Registration) (catalog.Version, error) {
	none := catalog.Version{}
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
	if _, err := l.store.Versions().Get(ctx, r.ID.String()); err == nil {
		return none, l.VersionExists(r.ID)
	} else if !errors.Is(err, catalog.ErrNotFound) {
		return none, err
	}
	if err := r.Spec.Over(template.Spec).ValidateWhole().Err(); err != nil {
		return none, err
	}
	base, transferred, err := l.holdBase(ctx, r)
	if err != nil {
		return none, err
	}
	v := catalog.Version{
		ID: r.ID, Description: r.Description, DeletionProtection: r.DeletionProtection, Spec: r.Spec.Over(template.Spec), Overrides: r.Spec, Digest: base.Digest, Format: base.Format,
		VirtualSize: base.VirtualSize, StoredSize: base.StoredSize, Transferred: transferred,
		CreatedAt: now(), CreatedBy: l.user,
	}
	err = v.Spec.Storage.CheckImage(v.VirtualSize).Err()
	if err == nil {
		_, err = l.store.Versions().Create(ctx, r.ID.String(), v)
	}
	l.plan.forget(r.ID.Template)
	if err == nil {
		return v, nil
	}
	if errors.Is(err, catalog.ErrExists) {
		err = l.VersionExists(r.ID)
	}
	undo, cancel := undoContext(ctx)
	defer cancel()
	if released := l.letGo(undo, base.Digest, r.ID); released != nil {
		return none, errors.Join(err, released)
	}
	return none, err
}

// letGo takes a version that was not registered off a base's users, unless somebody else registered it with that base.
func (l *Library) letGo(ctx context.Context, digest string, id catalog.VersionID) error {
	rec, err := l.store.Versions().Get(ctx, id.String())
	if err == nil && rec.Value.Digest == digest {
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

// Version reads a version; catalog.ErrNotFound.
func (l *Library) Version(ctx context.Context, id catalog.VersionID) (catalog.Version, error) {
	if err := l.open(ctx); err != nil {
		return catalog.Version{}, err
	}
	rec, err := l.store.Versions().Get(ctx, id.String())
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
	names := make([]string, len(records))
	for i, rec := range records {
		names[i] = rec.Value.ID.Version
		byName[names[i]] = rec.Value
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
