package instance

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
)

// offer is what an instance's template says about it.
type offer struct {
	newer    types.String     // the newest active version, if it is newer than the instance's; else null
	warnings diag.Diagnostics // that the instance's version is deprecated
}

// offered reads what an instance's template says about it. It is nothing if the template is gone,
// or if the provider's user may not see it. The instance does not need the template.
func offered(ctx context.Context, s *face.Session, i kind.Instance) (offer, error) {
	return fastpath.Once(ctx, "offer", func() (offer, error) { return readOffer(ctx, s, i) })
}

func readOffer(ctx context.Context, s *face.Session, i kind.Instance) (offer, error) {
	nothing := offer{newer: types.StringNull()}
	id, err := catalog.ParseTemplateID(i.Facts.Template)
	if err != nil {
		return nothing, nil //nolint:nilerr // no template has such a name
	}
	template, versions, err := s.Library.Planned(ctx, id)
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
	o := offer{newer: attribute.OptionalString(s.Library.Newer(template, versions, nil, i.Facts.Version))}
	face.AddWarning(&o.warnings, template.Warning(version))
	return o, nil
}

// newerOf is the newer version of an offer. It is null if the template cannot be read, because the
// instance can be shown without it.
func newerOf(ctx context.Context, s *face.Session, i kind.Instance) types.String {
	o, err := offered(ctx, s, i)
	if err != nil {
		tflog.Warn(ctx, "reading the versions of an instance's template",
			map[string]any{"template": i.Facts.Template, "error": err.Error()})
		return types.StringNull()
	}
	return o.newer
}
