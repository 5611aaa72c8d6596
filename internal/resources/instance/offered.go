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
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/profile"
)

// offer is what an instance's template tells about it.
type offer struct {
	newer    types.String     // the newest active version, where it is newer than the instance's; else null
	warnings diag.Diagnostics // that the instance's version is deprecated
}

// offered reads what an instance's template tells about it: nothing where there is no such template
// any more, or none that the provider's user may see. The instance does not need it.
func (r *Resource) offered(ctx context.Context, i provision.Instance) (offer, error) {
	return fastpath.Once(ctx, "offer", func() (offer, error) { return r.readOffer(ctx, i) })
}

func (r *Resource) readOffer(ctx context.Context, i provision.Instance) (offer, error) {
	nothing := offer{newer: types.StringNull()}
	id, err := catalog.ParseTemplateID(i.Facts.Template)
	if err != nil {
		return nothing, nil //nolint:nilerr // no template has such a name
	}
	template, versions, err := r.Library.Planned(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nothing, nil
	}
	if err != nil {
		return nothing, err
	}
	// The version of a full clone may be gone; then the template's own state counts.
	version := catalog.Version{ID: id.Version(i.Facts.Version)}
	if n := slices.IndexFunc(versions, func(v catalog.Version) bool { return v.ID == version.ID }); n >= 0 {
		version = versions[n]
	}
	o := offer{newer: profile.OptionalString(r.Library.Newer(template, versions, nil, i.Facts.Version))}
	warn(&o.warnings, template.Warning(version))
	return o, nil
}

// warn reports a finding that is no error, if it is one at all.
func warn(diags *diag.Diagnostics, f finding.Finding) {
	if f.Summary != "" {
		face.AddWarning(diags, f)
	}
}
