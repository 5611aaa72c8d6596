package resourcepool

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// ModifyPlan implements resource.ResourceWithModifyPlan. It reports what keeps the plan from being
// applied and what it means for tenants, and registers the pool for instances that are planned after it.
func (r *Resource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if !r.Configured() || req.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	var plan, state model
	if req.Plan.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		r.checkRight(ctx, &resp.Diagnostics, state)
		return
	}
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !r.Fleet.Named() {
		resp.Diagnostics.AddError("No hosts to choose from", "The provider's configuration names no hosts, and "+
			"resource pools consist of such hosts: configure hosts.")
	}
	if resp.Diagnostics.HasError() || plan.Name.IsUnknown() {
		return
	}
	if req.State.Raw.IsNull() {
		err := r.Pools.CheckNew(ctx, plan.Name.ValueString())
		face.AddUnsure(&resp.Diagnostics, "Could not create resource pool", err)
	} else {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
		r.checkRight(ctx, &resp.Diagnostics, state)
	}
	if resp.Diagnostics.HasError() || !plan.known(ctx) {
		return
	}
	pool := plan.toPool()
	r.warnOfHosts(&resp.Diagnostics, pool)
	if !req.State.Raw.IsNull() {
		exceeded, err := r.Pools.Exceeded(ctx, pool)
		face.AddError(&resp.Diagnostics, "Could not read resource pool", err)
		for _, f := range exceeded {
			face.AddWarning(&resp.Diagnostics, f)
		}
	}
	r.Fleet.PlanPool(pool)
}

// checkRight reports that the user may not change a pool.
func (r *Resource) checkRight(ctx context.Context, diags *diag.Diagnostics, state model) {
	_, err := r.Pools.Get(ctx, state.ID.ValueString())
	face.AddError(diags, "Could not change resource pool", catalog.IgnoreNotFound(err))
}

// warnOfHosts warns of hosts that the provider does not have. Other configurations of the catalog may
// have them, so it is no error.
func (r *Resource) warnOfHosts(diags *diag.Diagnostics, pool catalog.ResourcePool) {
	var unknown []string
	for _, name := range pool.Hosts {
		if _, there := r.Fleet.Member(name); !there {
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	has := func(m *fleet.Member) bool { return pool.Has(m.Name, m.Labels) }
	unless := "Unless another configuration of the catalog has "
	switch {
	case len(unknown) > 0:
		face.AddWarning(diags, finding.Finding{Path: finding.At("hosts"), Summary: "Unknown host", Detail: fmt.Sprintf(
			"The provider has no host %s. Its hosts are: %s. %sit, look for a misspelled name.",
			strings.Join(unknown, " or "), strings.Join(r.Fleet.Names(), ", "), unless)})
	case !slices.ContainsFunc(r.Fleet.Members(), has):
		face.AddWarning(diags, finding.Finding{Path: finding.At("match"), Summary: "No host has these labels",
			Detail: fmt.Sprintf("No host of the provider has the labels %s, so the pool has none of its hosts. %ssuch "+
				"hosts, look for a misspelled label.", fleet.Labels(pool.Match), unless)})
	}
}

// idPath is the path of the id, which is the name of the pool that the state has.
var idPath = path.Root("id")
