package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Planned reads a template and its versions for planning, as far as the library's user may see
// them; it returns catalog.ErrNotFound if they may not see the template. Callers must not change
// what they get.
func (l *Library) Planned(ctx context.Context, id catalog.TemplateID) (catalog.Template, []catalog.Version, error) {
	return l.Plan.Read(id, func() (t catalog.Template, versions []catalog.Version, err error) {
		if t, err = l.Template(ctx, id); err == nil {
			versions, err = l.history(ctx, t)
		}
		return t, versions, err
	})
}

// PlannedVersion reads a version for planning; it returns catalog.ErrNotFound if there is none.
func (l *Library) PlannedVersion(ctx context.Context, id catalog.VersionID) (catalog.Version, error) {
	_, versions, err := l.Planned(ctx, id.Template)
	if errors.Is(err, catalog.ErrNotFound) { // or only its document exists, see ours
		return l.Version(ctx, id)
	}
	for _, v := range versions {
		if v.ID == id {
			return v, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("version %q: %w", id, catalog.ErrNotFound)
	}
	return catalog.Version{}, err
}

// ExpectRemoval records that the running plan destroys or replaces a version. unsure are the
// instances that need the version's image and that the plan has not yet taken off the version.
// Instances of other tenants, which another provider of the same configuration may destroy, are
// only counted. Terraform plans an instance that refers to the version after the version, and
// StaysOn then refuses an instance that stays. Terraform does not plan an instance of another state
// at all. A provider cannot know which of the two an instance is.
//
// When everything is destroyed, Terraform plans what refers to the version before the version.
func (l *Library) ExpectRemoval(ctx context.Context, id catalog.VersionID) (unsure []string, err error) {
	l.Plan.WillRemove(id)
	if err := l.home.Open(ctx); err != nil {
		return nil, err
	}
	instances, _, err := l.instancesOf(ctx, id.Template)
	if err != nil {
		return nil, err
	}
	others := 0
	for _, i := range instances {
		switch {
		case !strategy.HoldsBase(i.Strategy) || i.Version != id.Version || l.Plan.HasLeft(i.Domain.UUID):
		case i.Tenant != l.me.Tenant:
			others++
		default:
			unsure = append(unsure, i.String())
		}
	}
	slices.Sort(unsure)
	if others > 0 {
		unsure = append(unsure, fmt.Sprintf("%d of other tenants", others))
	}
	return unsure, nil
}

// Unsure warns of instances that need the image of a version that a plan removes, if the plan
// cannot know whether they leave the version.
func Unsure(id catalog.VersionID, instances []string) string {
	return fmt.Sprintf("The plan removes version %q, and these instances need its base image: %s. The apply is "+
		"refused if the same plan neither destroys them nor moves them to another version, as for instances of other "+
		"configurations. Then keep the version, and set state = \"archived\" so that "+
		"nothing new is created from it.", id, strings.Join(instances, ", "))
}

// CheckImage returns an error if the pool does not have a version's image, as when a catalog in a
// database has versions that were registered with another pool, and it cannot be copied from another
// host. It asks once per digest for as long as the provider's process plans.
func (l *Library) CheckImage(ctx context.Context, v catalog.Version) error {
	err := l.Plan.Image(v.Digest, func() error {
		if l.Spread() {
			return l.findImage(ctx, v)
		}
		_, err := l.Images.Base(ctx, v.Digest)
		return err
	})
	if errors.Is(err, catalog.ErrNotFound) {
		return l.Images.NoImage(v)
	}
	return err
}
