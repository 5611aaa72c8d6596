package templateversion

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// planned returns the version of a state as the catalog has it. found is false if the catalog
// cannot be asked or does not have the version.
func (r *Resource) planned(
	ctx context.Context, state *Model, diags *diag.Diagnostics,
) (t catalog.Template, v catalog.Version, found bool) {
	id, err := catalog.ParseVersionID(state.ID.ValueString())
	if err != nil || !r.Configured() {
		return t, v, false
	}
	t, versions, err := r.Library.Planned(ctx, id.Template)
	if errors.Is(err, catalog.ErrNotFound) { // Read reports this
		return t, v, false
	}
	if err != nil {
		face.AddError(diags, "Could not read template", err)
		return t, v, false
	}
	n := slices.IndexFunc(versions, func(v catalog.Version) bool { return v.ID == id })
	if n < 0 {
		return t, v, false
	}
	return t, versions[n], true
}

// checkWrite reports that the user may see the version, but may not change it.
func (r *Resource) checkWrite(ctx context.Context, diags *diag.Diagnostics, state *Model) {
	t, v, found := r.planned(ctx, state, diags)
	if !found {
		return
	}
	if err := r.Library.MayWrite(t); err != nil {
		face.AddError(diags, "No permission to change version", fmt.Errorf("changing or removing version %q: %w",
			v.ID, err))
	}
}

// planSettings checks a change of the settings, and registers the new ones for instances that are
// planned later.
func (r *Resource) planSettings(ctx context.Context, plan, state *Model, diags *diag.Diagnostics) {
	t, v, found := r.planned(ctx, state, diags)
	if !found {
		return
	}
	r.planState(ctx, plan, t, v, diags)
	if diags.HasError() {
		return
	}
	if plan.Lifecycle.Core().State == catalog.Draft {
		v.Spec = v.Overrides.Over(t.Spec)
	}
	r.checkWarm(plan, t, v, diags)
	if warm, known := attribute.Warm(plan.Warm); known {
		r.Library.Plan.WillSetWarm(v.ID, warm)
	}
}

func (r *Resource) planState(
	ctx context.Context, plan *Model, t catalog.Template, v catalog.Version, diags *diag.Diagnostics,
) {
	if plan.State.IsUnknown() {
		return
	}
	to, before := plan.Lifecycle.Core(), v.State
	v.State, v.Deprecation = to.State, to.Deprecation
	face.AddError(diags, "Could not publish version", library.CheckPublished(t.Type, v, before))
	face.AddError(diags, "Could not read host", r.Library.CheckState(ctx, v.ID.Template, v.ID.Version, before,
		to.State))
	r.Library.Plan.WillSetState(v.ID, to)
}
