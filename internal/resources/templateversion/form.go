package templateversion

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// form says which form of image the planned version's template wants. known is false while the
// template is not known, as before the same apply creates it.
func (r *Resource) form(ctx context.Context, plan *Model) (form catalog.Form, known bool) {
	id, err := catalog.ParseTemplateID(plan.TemplateID.ValueString())
	if err != nil || !r.Configured() {
		return form, false
	}
	template, _, err := r.Library.Planned(ctx, id)
	return catalog.ImageForm(template.Type), err == nil
}

// examine looks at a source for an image of a form. If the form is not known, it looks for a disk, or
// else for what a container can be made of.
func (r *Resource) examine(
	ctx context.Context, from source.Source, form catalog.Form, known bool,
) (source.Probe, error) {
	if !r.Configured() {
		found, err := source.Examine(ctx, from)
		if mayBeRoot(err) {
			return source.Probe{}, nil
		}
		return found, err
	}
	found, err := r.Library.Images.Probe(ctx, form, from)
	if !known && mayBeRoot(err) {
		return r.Library.Images.Probe(ctx, catalog.FormRoot, from)
	}
	return found, err
}

// mayBeRoot reports whether something is no disk, and a container may be made of it.
func mayBeRoot(err error) bool {
	unsupported, is := errors.AsType[*image.UnsupportedImageError](err)
	return is && unsupported.Root
}

// checkForm reports what versions with images of a form cannot have.
func (m *Model) checkForm(form catalog.Form, diags *diag.Diagnostics) {
	if m.ParentVersion.ValueString() != "" {
		face.AddFindings(diags, library.CheckParent(form))
	}
}

// imageOf is the image of a version as the catalog has it, and its form. It is "" if only the catalog
// knows it, and cannot be asked.
func (r *Resource) imageOf(ctx context.Context, state *Model) (id string, form catalog.Form) {
	if state.ImageConfig.IsNull() {
		return state.Digest.ValueString(), catalog.FormDisk
	}
	version, err := catalog.ParseVersionID(state.ID.ValueString())
	if err == nil && r.Configured() {
		if v, err := r.Library.PlannedVersion(ctx, version); err == nil {
			return v.ImageID(), catalog.FormRoot
		}
	}
	return "", catalog.FormRoot
}

// stampFor is stampOf for a source of the planned version's image.
func (r *Resource) stampFor(ctx context.Context, plan *Model, from source.Source) source.Stamp {
	form, _ := r.form(ctx, plan)
	if as, err := r.Library.Images.For(ctx, form, from); err == nil {
		return stampOf(ctx, as)
	}
	return nil // registering it says what is wrong
}
