package instance

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/client"
	"github.com/novacron/terraform-provider-novacron/internal/resources/profile"
)

// offered is the newest active version of an instance's template, where it is newer than the instance's, and what there is
// to know of the instance's own: that it is deprecated. Null and nothing where there is no such template any more, or none
// that the provider's user may see: the instance does not need it.
func (r *Resource) offered(ctx context.Context, i provision.Instance) (newer types.String, warnings diag.Diagnostics, err error) {
	id, err := catalog.ParseTemplateID(i.Facts.Template)
	if err != nil {
		return types.StringNull(), nil, nil //nolint:nilerr // nobody has a template of that name
	}
	template, versions, err := r.client.Library.Planned(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return types.StringNull(), nil, nil
	}
	if err != nil {
		return types.StringNull(), nil, err
	}
	version := catalog.Version{ID: id.Version(i.Facts.Version)} // a full clone's may be gone, which leaves the template's own state
	if n := slices.IndexFunc(versions, func(v catalog.Version) bool { return v.ID == version.ID }); n >= 0 {
		version = versions[n]
	}
	warn(&warnings, template.Warning(version))
	return profile.OptionalString(r.client.Library.Newer(template, versions, nil, i.Facts.Version)), warnings, nil
}

// warn reports a finding that is no error, if it is one at all.
func warn(diags *diag.Diagnostics, f finding.Finding) {
	if f.Summary != "" {
		client.AddWarning(diags, f)
	}
}
