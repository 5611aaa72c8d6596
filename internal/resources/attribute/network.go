package attribute

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

var (
	textsType = types.ListType{ElemType: types.StringType}
	ipTypes   = map[string]attr.Type{
		"dhcp_enabled": types.BoolType, "static_ip": types.StringType, "static_ips": textsType,
		"gateway": types.StringType, "gateways": textsType, "gateway_on_link": types.BoolType, "dns_servers": textsType,
	}
	interfaceTypes = map[string]attr.Type{
		"type": types.StringType, "network": types.StringType, "bridge": types.StringType, "vlan": types.Int64Type,
		"mac_address": types.StringType, "ip_configuration": types.ObjectType{AttrTypes: ipTypes},
	}
	interfaceType = types.ObjectType{AttrTypes: interfaceTypes}
	networkTypes  = map[string]attr.Type{
		"requires_public_ip": types.BoolType, "default_network_policies": types.SetType{ElemType: types.StringType},
		"interfaces": types.MapType{ElemType: interfaceType},
	}
)

// NetworkAttribute is the schema of network_profile.
func NetworkAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"requires_public_ip": schema.BoolAttribute{Optional: true,
				MarkdownDescription: "Whether one of the interfaces must be on a network or bridge in the " +
					"provider's `public_networks`. This is checked when an instance is planned. Default: `false`."},
			"default_network_policies": schema.SetAttribute{Optional: true, ElementType: types.StringType,
				MarkdownDescription: "The libvirt network filter of all interfaces, such as `clean-traffic`. " +
					"libvirt accepts one; to combine several, define a filter on the host that refers to them. " +
					"The filter receives a static IPv4 address as the one that may be used. Filters see " +
					"traffic on the host: rules for addresses and ARP always work, rules for TCP and UDP only " +
					"if the host filters bridged traffic."},
			"interfaces": schema.MapNestedAttribute{
				Optional: true,
				MarkdownDescription: "Network interfaces by name, `{}` for none. A new guest sees them in the " +
					"order of their names (`eth2` before `eth10`). Its boot waits for the first one, and for those " +
					"with a static address. Default: one interface `eth0` on the network `default`.",
				NestedObject: schema.NestedAttributeObject{Attributes: interfaceAttributes()},
			},
		},
	}
}

func interfaceAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"type": schema.StringAttribute{
			Optional: true, MarkdownDescription: "Network card: `virtio`, `e1000`, `e1000e` or `rtl8139`. " +
				"Default: `virtio`. Not allowed for containers.",
		},
		"network": schema.StringAttribute{Optional: true,
			MarkdownDescription: "The libvirt network of the interface. Default: `default`, unless `bridge` is set."},
		"bridge": schema.StringAttribute{Optional: true,
			MarkdownDescription: "The host's bridge that the interface is attached to, instead of a libvirt network."},
		"vlan": schema.Int64Attribute{Optional: true,
			MarkdownDescription: "VLAN tag, 1 to 4094, that the host adds to the guest's traffic. It works on " +
				"networks whose bridge is an Open vSwitch bridge and, with libvirt 11 or newer, on other " +
				"bridges of the host. The plan refuses it anywhere else, and for containers."},
		"mac_address": schema.StringAttribute{
			Optional: true, MarkdownDescription: "Ethernet address, such as `52:54:00:12:34:56`. Default: " +
				"chosen at random.",
		},
		"ip_configuration": schema.SingleNestedAttribute{
			Optional: true,
			MarkdownDescription: "How the interface gets its address. cloud-init configures it at a machine's " +
				"first boot, and a container gets it at each start. Default: DHCP.",
			Attributes: map[string]schema.Attribute{
				"dhcp_enabled": schema.BoolAttribute{Optional: true,
					MarkdownDescription: "Whether to request an IPv4 address by DHCP. Not allowed with a " +
						"static IPv4 address. Default: `true`, unless there is a static address."},
				"static_ip": schema.StringAttribute{Optional: true,
					MarkdownDescription: "IPv4 or IPv6 address with its prefix length, such as `10.0.0.5/24`."},
				"static_ips": schema.ListAttribute{Optional: true, ElementType: types.StringType,
					MarkdownDescription: "All static addresses of the interface, IPv4 and IPv6 together, in " +
						"the form of `static_ip` and instead of it. Default: `static_ip` alone."},
				"gateway": schema.StringAttribute{Optional: true,
					MarkdownDescription: "Default gateway: in the network of a static address, or link-local " +
						"(`fe80::1`). If all static addresses of its kind are single ones (`/32`, `/128`), it " +
						"may be anywhere on the interface's link (netplan's `on-link`, which the image then needs)."},
				"gateways": schema.ListAttribute{Optional: true, ElementType: types.StringType,
					MarkdownDescription: "One gateway for IPv4 and one for IPv6, instead of `gateway`. " +
						"Default: `gateway` alone."},
				"gateway_on_link": schema.BoolAttribute{Optional: true,
					MarkdownDescription: "Whether a gateway outside the networks of the static addresses is on " +
						"the interface's link anyway. If `false`, such a gateway is an error. Default: `false`."},
				"dns_servers": schema.ListAttribute{Optional: true, ElementType: types.StringType,
					MarkdownDescription: "Addresses of DNS servers, in the order in which to ask them."},
			},
		},
	}
}

// Network reads a network_profile. If any value in an ip_configuration is unknown, the whole
// ip_configuration reads as unset, because its parts mean nothing by themselves.
func Network(o types.Object) (*profile.Network, bool) {
	return object(o, func(r reader) *profile.Network {
		return &profile.Network{
			RequiresPublicIP: r.bool("requires_public_ip"), Policies: r.strings("default_network_policies"),
			Interfaces: objects(r, "interfaces", func(r reader) profile.Interface {
				return profile.Interface{
					Model:   r.string("type"),
					Network: r.string("network"),
					Bridge:  r.string("bridge"),
					VLAN:    r.int("vlan"),
					MAC:     r.string("mac_address"),
					IP: whole(r, "ip_configuration", func(r reader) *profile.IPConfiguration {
						return &profile.IPConfiguration{
							DHCP:      r.bool("dhcp_enabled"),
							StaticIP:  r.string("static_ip"),
							StaticIPs: r.strings("static_ips"),
							Gateway:   r.string("gateway"),
							Gateways:  r.strings("gateways"),
							OnLink:    r.bool("gateway_on_link"),
							DNS:       r.strings("dns_servers"),
						}
					}),
				}
			}),
		}
	})
}

// NetworkObject writes a network_profile.
func NetworkObject(n *profile.Network) types.Object {
	if n == nil {
		return types.ObjectNull(networkTypes)
	}
	return types.ObjectValueMust(networkTypes, map[string]attr.Value{
		"requires_public_ip":       types.BoolPointerValue(n.RequiresPublicIP),
		"default_network_policies": StringSet(n.Policies),
		"interfaces": mapOf(n.Interfaces, interfaceType, func(i profile.Interface) map[string]attr.Value {
			return map[string]attr.Value{
				"type": types.StringPointerValue(i.Model), "network": types.StringPointerValue(i.Network),
				"bridge": types.StringPointerValue(i.Bridge), "vlan": types.Int64PointerValue(i.VLAN),
				"mac_address": types.StringPointerValue(i.MAC), "ip_configuration": ipObject(i.IP),
			}
		}),
	})
}

func ipObject(c *profile.IPConfiguration) types.Object {
	if c == nil {
		return types.ObjectNull(ipTypes)
	}
	return types.ObjectValueMust(ipTypes, map[string]attr.Value{
		"dhcp_enabled":    types.BoolPointerValue(c.DHCP),
		"static_ip":       types.StringPointerValue(c.StaticIP),
		"static_ips":      textList(c.StaticIPs),
		"gateway":         types.StringPointerValue(c.Gateway),
		"gateways":        textList(c.Gateways),
		"gateway_on_link": types.BoolPointerValue(c.OnLink),
		"dns_servers":     textList(c.DNS),
	})
}

// textList writes a list, or null for nil.
func textList(all []string) types.List {
	if all == nil {
		return types.ListNull(types.StringType)
	}
	return types.ListValueMust(types.StringType, texts(all))
}

// textMap writes a map, or null for nil.
func textMap(all map[string]string) types.Map {
	if all == nil {
		return types.MapNull(types.StringType)
	}
	values := make(map[string]attr.Value, len(all))
	for key, s := range all {
		values[key] = types.StringValue(s)
	}
	return types.MapValueMust(types.StringType, values)
}

func texts(all []string) []attr.Value {
	values := make([]attr.Value, len(all))
	for i, s := range all {
		values[i] = types.StringValue(s)
	}
	return values
}

// mapOf writes a map of objects, or null for a nil map.
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
