package profile

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

var (
	interfaceTypes = map[string]attr.Type{
		"type": types.StringType, "network": types.StringType, "bridge": types.StringType, "mac_address": types.StringType,
	}
	interfaceType = types.ObjectType{AttrTypes: interfaceTypes}
	networkTypes  = map[string]attr.Type{"interfaces": types.MapType{ElemType: interfaceType}}
)

// NetworkAttribute is the schema of network_profile.
func NetworkAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"interfaces": schema.MapNestedAttribute{
				Optional: true,
				MarkdownDescription: "Network interfaces by name. The guest sees them in the order of their names (`eth2` before `eth10`) " +
					"and gets its addresses by DHCP. `{}` for none. Default: one interface `eth0` on the network `default`.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"type": schema.StringAttribute{Optional: true, MarkdownDescription: "Network card: `virtio`, `e1000`, `e1000e` or `rtl8139`. Default: `virtio`."},
					"network": schema.StringAttribute{Optional: true, MarkdownDescription: "The libvirt network that the interface is on. " +
						"Default: `default`, where no `bridge` is given."},
					"bridge":      schema.StringAttribute{Optional: true, MarkdownDescription: "The bridge of the host that the interface is on, instead of a libvirt network."},
					"mac_address": schema.StringAttribute{Optional: true, MarkdownDescription: "Ethernet address, such as `52:54:00:12:34:56`. Default: chosen at random."},
				}},
			},
		},
	}
}

// Network reads a network_profile.
func Network(o types.Object) (*catalog.NetworkProfile, bool) {
	return object(o, func(r reader) *catalog.NetworkProfile {
		return &catalog.NetworkProfile{Interfaces: objects(r, "interfaces", func(r reader) catalog.Interface {
			return catalog.Interface{Model: r.string("type"), Network: r.string("network"), Bridge: r.string("bridge"), MAC: r.string("mac_address")}
		})}
	})
}

// NetworkObject writes a network_profile.
func NetworkObject(n *catalog.NetworkProfile) types.Object {
	if n == nil {
		return types.ObjectNull(networkTypes)
	}
	return types.ObjectValueMust(networkTypes, map[string]attr.Value{"interfaces": mapOf(n.Interfaces, interfaceType, func(i catalog.Interface) map[string]attr.Value {
		return map[string]attr.Value{
			"type": types.StringPointerValue(i.Model), "network": types.StringPointerValue(i.Network),
			"bridge": types.StringPointerValue(i.Bridge), "mac_address": types.StringPointerValue(i.MAC),
		}
	})})
}

// mapOf writes a map of objects; null for a nil map.
func mapOf[T any](m map[string]T, of types.ObjectType, write func(T) map[string]attr.Value) types.Map {
	if m == nil {
		return types.MapNull(of)
	}
	values := make(map[string]attr.Value, len(m))
	for key, v := range m {
		values[key] = types.ObjectValueMust(of.AttrTypes, write(v))
	}
	return types.MapValueMust(of, values)
}
