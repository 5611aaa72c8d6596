package planner

import (
	"context"
	"errors"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// pinned reports whether the instance exists and stays at its version: then it uses what it was
// created from.
func (p *planner) pinned() bool {
	return p.state != nil && p.plan.ResolvedVersion.Equal(p.state.ResolvedVersion)
}

// resolve finds the template and the version that the plan means. found is false if they are not
// known yet, and after an error.
func (p *planner) resolve(ctx context.Context) (template catalog.Template, version catalog.Version, found bool) {
	id, err := catalog.ParseTemplateID(p.plan.TemplateID.ValueString())
	if p.plan.TemplateID.IsUnknown() || p.plan.Version.IsUnknown() || err != nil {
		return template, version, false
	}
	template, versions, err := p.session.Library.Planned(ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		if !p.pinned() { // a pinned instance does not need the template
			face.AddFindings(p.diags, p.session.Library.NoSuchTemplate(id))
		}
		return template, version, false
	}
	if err != nil {
		face.AddError(p.diags, "Could not read template", err)
		return template, version, false
	}
	if p.plan.ResolvedVersion.IsUnknown() || p.plan.ResolvedVersion.IsNull() {
		picked, err := library.Pick(id, versions, p.session.Library.Plan.Creates(id), p.plan.Version.ValueString())
		if err != nil {
			face.AddError(p.diags, "Version not found", err)
			return template, version, false
		}
		p.plan.ResolvedVersion = types.StringValue(picked)
	}
	coming := p.session.Library.Plan.Creates(id)
	is := func(v catalog.Version) bool { return v.ID.Version == p.plan.ResolvedVersion.ValueString() }
	n, again := slices.IndexFunc(versions, is), slices.IndexFunc(coming, is)
	switch {
	case again >= 0 && (n < 0 || !p.pinned() && p.session.Library.Plan.InState(coming[again].ID)):
		// The same apply registers it, for the first time or in place of a version of the same
		// number, so its content is not known yet.
		p.use(template, coming[again])
		return template, version, false
	case n < 0: // it has been removed since; a full clone does not need it
		return template, version, false
	}
	return template, versions[n], p.use(template, versions[n]) && (again >= 0 || p.stored(ctx, versions[n]))
}

// use checks that a new instance may be created from a version, and reports why not. For an
// existing instance, reading it reports that.
func (p *planner) use(template catalog.Template, version catalog.Version) bool {
	if p.pinned() {
		return true
	}
	warning, err := p.session.Library.Use(template, version)
	face.AddError(p.diags, "Could not use template", err)
	face.AddWarning(p.diags, warning)
	return err == nil
}

// stored checks that the pool has the image that a new instance is created from.
func (p *planner) stored(ctx context.Context, version catalog.Version) bool {
	if p.pinned() {
		return true
	}
	err := p.session.Library.CheckImage(ctx, version)
	face.AddError(p.diags, "Image not found", err)
	return err == nil
}
