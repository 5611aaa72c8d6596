package resourcepool

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// model is the state or configuration of a resource pool.
type model struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	Description types.String `tfsdk:"description"`
	Hosts       types.Set    `tfsdk:"hosts"`
	Match       types.Map    `tfsdk:"match"`
	Policy      types.String `tfsdk:"policy"`
	Tenants     types.Map    `tfsdk:"tenants"`
}

// quotaTypes are the types of a tenant's quota.
var quotaTypes = map[string]attr.Type{
	"vcpus": types.Int64Type, "memory_mb": types.Int64Type, "disk_gb": types.Int64Type, "instances": types.Int64Type,
}

// toPool is the pool that the model describes, without what is not known yet.
func (m *model) toPool() catalog.ResourcePool {
	r := catalog.ResourcePool{
		Name: m.Name.ValueString(), Description: m.Description.ValueString(), Match: attribute.Labels(m.Match),
		Policy: catalog.PlacementPolicy(m.Policy.ValueString()),
	}
	if hosts := attribute.Strings(m.Hosts.Elements()); len(hosts) > 0 {
		r.Hosts = slices.Sorted(slices.Values(hosts))
	}
	for tenant, element := range m.Tenants.Elements() {
		if quota, ok := element.(types.Object); ok && !quota.IsNull() && !quota.IsUnknown() {
			if r.Tenants == nil {
				r.Tenants = map[string]catalog.Quota{}
			}
			r.Tenants[tenant] = quotaOf(quota)
		}
	}
	return r
}

func quotaOf(o types.Object) catalog.Quota {
	figure := func(name string) *int64 {
		v, ok := o.Attributes()[name].(types.Int64)
		if !ok || v.IsNull() || v.IsUnknown() {
			return nil
		}
		return v.ValueInt64Pointer()
	}
	return catalog.Quota{
		VCPUs: figure("vcpus"), MemoryMB: figure("memory_mb"),
		DiskGB: figure("disk_gb"), Instances: figure("instances"),
	}
}

func quotaObject(q catalog.Quota) types.Object {
	return types.ObjectValueMust(quotaTypes, map[string]attr.Value{
		"vcpus": types.Int64PointerValue(q.VCPUs), "memory_mb": types.Int64PointerValue(q.MemoryMB),
		"disk_gb": types.Int64PointerValue(q.DiskGB), "instances": types.Int64PointerValue(q.Instances),
	})
}

// known reports whether everything of the model is known, but for its id.
func (m *model) known(ctx context.Context) bool {
	return !slices.ContainsFunc([]attr.Value{m.Name, m.Description, m.Hosts, m.Match, m.Policy, m.Tenants},
		func(v attr.Value) bool { return !attribute.Known(ctx, v) })
}

// validate returns what is wrong with the pool, as far as it is known.
func (m *model) validate(ctx context.Context) finding.List {
	hosts := attribute.Known(ctx, m.Hosts) && attribute.Known(ctx, m.Match)
	return slices.DeleteFunc(m.toPool().Validate(), func(f finding.Finding) bool {
		switch f.Path[0].Name {
		case "hosts", "match":
			return !hosts
		case "name":
			return m.Name.IsUnknown()
		}
		return false
	})
}

// fromPool takes over a pool of the catalog. What the user wrote stays as it is while it means the same.
func (m *model) fromPool(r catalog.ResourcePool) {
	was := m.toPool()
	m.ID, m.Name = types.StringValue(r.Name), types.StringValue(r.Name)
	m.Description = attribute.KeepString(m.Description, r.Description)
	if m.Hosts.IsUnknown() || !slices.Equal(was.Hosts, slices.Sorted(slices.Values(r.Hosts))) {
		m.Hosts = types.SetNull(types.StringType)
		if len(r.Hosts) > 0 {
			m.Hosts = attribute.StringSet(r.Hosts)
		}
	}
	m.Match = attribute.KeepLabels(m.Match, r.Match)
	m.Policy = policyOf(r)
	if m.Tenants.IsUnknown() || !maps.EqualFunc(was.Tenants, r.Tenants, sameQuota) {
		m.Tenants = tenantsMap(r.Tenants)
	}
}

// policyOf is the policy of a pool, with its default.
func policyOf(r catalog.ResourcePool) types.String {
	return types.StringValue(string(cmp.Or(r.Policy, catalog.Spread)))
}

func tenantsMap(tenants map[string]catalog.Quota) types.Map {
	kind := types.ObjectType{AttrTypes: quotaTypes}
	if len(tenants) == 0 {
		return types.MapNull(kind)
	}
	quotas := make(map[string]attr.Value, len(tenants))
	for tenant, quota := range tenants {
		quotas[tenant] = quotaObject(quota)
	}
	return types.MapValueMust(kind, quotas)
}

func sameQuota(a, b catalog.Quota) bool { return quotaObject(a).Equal(quotaObject(b)) }
