package instance

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/elsewhere"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

var _ fastpath.Resource = (*Resource)(nil)

// With creates the resource with the session of a provider; nil for an unconfigured provider.
func With(session *face.Session) *Resource {
	r := &Resource{face.NewResource("instance")}
	r.Session = session
	return r
}

// Current implements fastpath.Resource.
func (r *Resource) Current(ctx context.Context, state fastpath.State, private fastpath.Private) (
	bool, diag.Diagnostics,
) {
	id, ok := state.Text("id")
	if !ok || !r.Configured() {
		return false, nil
	}
	placed, _ := state.Text("placed_on")
	i, on, err := r.refresh(ctx, placed, id)
	if err != nil || i.Drifted() || i.Facts.Tenant != r.Library.Tenant() || !elsewhere.Noted(private[face.HostKey], i) {
		return false, nil
	}
	o, err := offered(ctx, r.Session, i)
	pool, _ := state.Text("resource_pool")
	return err == nil && current(ctx, state, i, on.Name, o.newer) &&
		r.poolOf(ctx, i, attribute.OptionalString(pool)).ValueString() == pool, o.warnings
}

// refresh reads the instance of a state that was last seen on a host, and records that a state has it.
func (r *Resource) refresh(ctx context.Context, placed, id string) (kind.Instance, *fleet.Member, error) {
	r.Library.Plan.StateHasInstance(id)
	found, err := fastpath.Once(ctx, "instance", func() (fleet.Placed, error) {
		i, on, err := r.Fleet.Refresh(ctx, placed, id)
		return fleet.Placed{Instance: i, On: on}, err
	})
	return found.Instance, found.On, err
}

// poolOf is the resource pool of an instance of which the state has one: by its placement, or as the state
// has it if the placements cannot be read. An instance can be read without them.
func (r *Resource) poolOf(ctx context.Context, i kind.Instance, state types.String) types.String {
	if state.IsNull() {
		return state
	}
	pool, err := fastpath.Once(ctx, "pool", func() (string, error) { return r.Fleet.PoolOf(ctx, i) })
	if err != nil {
		tflog.Warn(ctx, "reading the resource pool of an instance", map[string]any{"error": err.Error()})
		return state
	}
	return attribute.OptionalString(pool)
}

// NothingToPlan implements fastpath.Resource.
func (r *Resource) NothingToPlan(state fastpath.State) bool {
	name, hasName := state.Text("name")
	tenant, hasTenant := state.Text("tenant")
	domain, hasDomain := state.Text("domain_name")
	if !state.Null("placement") || !state.Null("resource_pool") { // the host may be one that they exclude
		return false
	}
	if placed, _ := state.Text("placed_on"); r.Configured() && !r.Fleet.Quiet(placed) {
		return false
	}
	if r.Configured() && r.ResourcePool != "" { // the instance may have been created before that was the default
		return false
	}
	if !hasName || !hasTenant || !hasDomain || domain != naming.Domain(tenant, name) {
		return false
	}
	template, hasTemplate := state.Text("template_id")
	version, hasVersion := state.Text("resolved_version")
	if asked, some := state.Text("version"); some && !catalog.Allows(asked, version) { // see strayed
		return false
	}
	if id, err := catalog.ParseTemplateID(template); hasTemplate && hasVersion && err == nil && r.Configured() {
		return !r.Library.Plan.Removes(id.Version(version)) // from under a linked clone, which only a plan can tell
	}
	return true
}

// Alone implements fastpath.Resource.
func (r *Resource) Alone() map[string]func(context.Context, fastpath.State) bool {
	return map[string]func(context.Context, fastpath.State) bool{
		"name": func(_ context.Context, config fastpath.State) bool {
			name, ok := config.Text("name")
			return ok && naming.ValidateInstanceName(name) == nil
		},
		"parameters": func(ctx context.Context, config fastpath.State) bool {
			parameters, ok := config.Dynamic(ctx, "parameters")
			_, findings := model.Given(parameters, types.DynamicNull())
			return ok && len(findings) == 0
		},
	}
}

// current reports whether a state says the same as the host.
func current(ctx context.Context, state fastpath.State, i kind.Instance, on string, newer types.String) bool {
	if state.Null("allow_restart") {
		return false // just imported
	}
	// What the user wrote matters only if it is empty, in one form or the other.
	m := model.Instance{AllowRestart: types.BoolValue(true), Labels: types.MapNull(types.StringType)}
	if !state.Null("description") {
		m.Description = types.StringValue("")
	}
	if !state.Null("labels") {
		m.Labels = types.MapValueMust(types.StringType, map[string]attr.Value{})
	}
	m.FromInstance(i, on)
	if !state.Has(ctx, "update_available", newer) {
		return false
	}
	for name, value := range m.Told() {
		if !state.Has(ctx, name, value) {
			return false
		}
	}
	return true
}
