// Package host has the resource and the data source novacron_host.
package host

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

var (
	_ datasource.DataSource              = (*DataSource)(nil)
	_ datasource.DataSourceWithConfigure = (*DataSource)(nil)
)

// DataSource shows what the host offers: the data source novacron_host.
type DataSource struct{ face.DataSource }

// NewDataSource creates the data source.
func NewDataSource() datasource.DataSource { return &DataSource{face.NewDataSource("host")} }

type model struct {
	Name              types.String       `tfsdk:"name"`
	Labels            types.Map          `tfsdk:"labels"`
	State             types.String       `tfsdk:"state"`
	Description       types.String       `tfsdk:"description"`
	Superseded        []string           `tfsdk:"superseded"`
	URI               types.String       `tfsdk:"uri"`
	Hostname          types.String       `tfsdk:"hostname"`
	Architecture      types.String       `tfsdk:"architecture"`
	CPUModel          types.String       `tfsdk:"cpu_model"`
	CPUs              types.Int64        `tfsdk:"cpus"`
	MemoryMB          types.Int64        `tfsdk:"memory_mb"`
	FreeMemoryMB      types.Int64        `tfsdk:"free_memory_mb"`
	VCPUs             *allotment         `tfsdk:"vcpus_allotted"`
	Memory            *allotment         `tfsdk:"memory_allotted_mb"`
	DomainTypes       []string           `tfsdk:"domain_types"`
	LibvirtVersion    types.String       `tfsdk:"libvirt_version"`
	HypervisorVersion types.String       `tfsdk:"hypervisor_version"`
	Pools             map[string]pool    `tfsdk:"pools"`
	Networks          map[string]network `tfsdk:"networks"`
}

// allotment is how much of something the host's domains have, and may have.
type allotment struct {
	Used types.Int64 `tfsdk:"used"`
	Most types.Int64 `tfsdk:"most"`
}

type pool struct {
	Type           string `tfsdk:"type"`
	Path           string `tfsdk:"path"`
	Active         bool   `tfsdk:"active"`
	CapacityBytes  int64  `tfsdk:"capacity_bytes"`
	AvailableBytes int64  `tfsdk:"available_bytes"`
}

type network struct {
	Bridge      string `tfsdk:"bridge"`
	ForwardMode string `tfsdk:"forward_mode"`
	Active      bool   `tfsdk:"active"`
}

// Schema implements datasource.DataSource.
func (d *DataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	allotted := func(of string) schema.SingleNestedAttribute {
		return schema.SingleNestedAttribute{Computed: true,
			MarkdownDescription: "How much " + of + " the host's domains have, running or not, including those that " +
				"novacron did not define.",
			Attributes: map[string]schema.Attribute{
				"used": number("What they have."),
				"most": number("What they may have together, by `overcommit` and `reserved` of the provider's " +
					"`hosts`. Null if the provider's configuration names no hosts."),
			}}
	}
	active := schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is active."}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Shows what a host of the provider offers: its capacity, what of it is allotted, its " +
			"storage pools and its networks.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{Optional: true, Computed: true,
				MarkdownDescription: "The host's name in the provider's `hosts`. Default: the home of the catalog. " +
					"Null if the provider's configuration names no hosts."},
			"labels": schema.MapAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "The host's labels in the provider's `hosts`."},
			"state": text("What the catalog's administrator says of the host by the resource `novacron_host`: " +
				"`active`, `draining`, `maintenance` or `lost`. A lost host is not asked, so most attributes are " +
				"null. Null if the provider's configuration names no hosts."),
			"description": text("Why the host is in that state."),
			"superseded": schema.ListAttribute{Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Names of the domains of the tenant on the host that were instances, and are " +
					"not any more: the catalog has the instances on other hosts. A host that was lost may come back " +
					"with such domains. Nothing starts or removes them."},
			"uri":            text("The libvirt URI of the host."),
			"hostname":       text("The host's own name."),
			"architecture":   text("Architecture, such as `x86_64`."),
			"cpu_model":      text("CPU model as libvirt names it."),
			"cpus":           number("Number of CPUs."),
			"memory_mb":      number("Memory in MiB."),
			"free_memory_mb": number("Free memory in MiB, at the moment of reading."),
			"vcpus_allotted": allotted("vCPUs"), "memory_allotted_mb": allotted("memory in MiB"),
			"domain_types": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "How guests can run: `kvm` and `qemu` (software emulation).",
			},
			"libvirt_version":    text("Version of libvirt."),
			"hypervisor_version": text("Version of QEMU."),
			"pools": schema.MapNestedAttribute{
				Computed: true, MarkdownDescription: "Storage pools by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"type":            text("Type, such as `dir`."),
					"path":            text("Path on the host."),
					"active":          active,
					"capacity_bytes":  number("Size in bytes, or 0 if the pool is not active."),
					"available_bytes": number("Free space in bytes."),
				}},
			},
			"networks": schema.MapNestedAttribute{
				Computed: true, MarkdownDescription: "Networks by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"bridge": text("Bridge of the host that the network uses."), "active": active,
					"forward_mode": text("How the network reaches other networks: `nat`, `route`, `bridge`, …, or " +
						"empty if it does not."),
				}},
			},
		},
	}
}

// Read implements datasource.DataSource.
func (d *DataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var asked types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("name"), &asked)...)
	resp.Diagnostics.Append(d.Require("reading the host")...)
	if resp.Diagnostics.HasError() {
		return
	}
	member := d.Fleet.Home()
	if !asked.IsNull() {
		var known bool
		if member, known = d.Fleet.Member(asked.ValueString()); !known || !d.Fleet.Named() {
			resp.Diagnostics.AddAttributeError(path.Root("name"), "Unknown host", fmt.Sprintf(
				"The provider has no host %q. %s", asked.ValueString(), hostsOf(d.Fleet)))
			return
		}
	}
	if err := d.Fleet.Know(ctx); err != nil {
		face.AddError(&resp.Diagnostics, "Could not read the states of hosts", err)
		return
	}
	if member.State().State == catalog.HostLost {
		resp.Diagnostics.Append(resp.State.Set(ctx, lost(member))...)
		return
	}
	h, err := member.Host(ctx)
	var room provision.Room
	if err == nil {
		room, err = member.Room(ctx)
	}
	var superseded []string
	if err == nil {
		superseded, err = d.Fleet.Superseded(ctx, member, room)
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not read host", err)
		return
	}
	m := fromHost(h)
	m.configured(member)
	m.Superseded = superseded
	m.VCPUs, m.Memory = allottedOf(room.VCPUs), allottedOf(room.MemoryMB)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// configured takes over what is known of the host without asking it.
func (m *model) configured(member *fleet.Member) {
	m.Name = attribute.OptionalString(member.Name)
	m.Labels = attribute.KeepLabels(types.MapNull(types.StringType), member.Labels)
	if member.Name != "" {
		m.State = stateOf(member.State())
		m.Description = attribute.OptionalString(member.State().Description)
	}
}

// lost is a lost host, which is not asked.
func lost(member *fleet.Member) model {
	var m model
	m.configured(member)
	return m
}

// hostsOf says which hosts a fleet has.
func hostsOf(f *fleet.Fleet) string {
	if !f.Named() {
		return "Its configuration names no hosts."
	}
	return "Its hosts are: " + strings.Join(f.Names(), ", ") + "."
}

// allottedOf is a figure as the data source shows it.
func allottedOf(f provision.Figure) *allotment {
	a := &allotment{Used: types.Int64Value(f.Allotted), Most: types.Int64Null()}
	if f.Capacity != provision.NoLimit {
		a.Most = types.Int64Value(f.Capacity)
	}
	return a
}

func fromHost(h provision.Host) model {
	m := model{
		URI:               types.StringValue(h.URI),
		Hostname:          types.StringValue(h.Hostname),
		Architecture:      types.StringValue(h.Arch),
		CPUModel:          types.StringValue(h.CPUModel),
		CPUs:              types.Int64Value(int64(h.CPUs)),
		MemoryMB:          types.Int64Value(int64(h.MemoryMiB)),
		FreeMemoryMB:      types.Int64Value(int64(h.FreeMemoryMiB)),
		DomainTypes:       h.DomainTypes,
		LibvirtVersion:    types.StringValue(h.LibvirtVersion),
		HypervisorVersion: types.StringValue(h.HypervisorVersion),
		Pools:             map[string]pool{},
		Networks:          map[string]network{},
	}
	for _, p := range h.Pools {
		m.Pools[p.Name] = pool{
			Type:           p.Type,
			Path:           p.Path,
			Active:         p.Active,
			CapacityBytes:  int64(p.Capacity),
			AvailableBytes: int64(p.Available),
		}
	}
	for _, n := range h.Networks {
		m.Networks[n.Name] = network{Bridge: n.Bridge, ForwardMode: n.ForwardMode, Active: n.Active}
	}
	return m
}
