package provider

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// How much of a host may be allotted if its configuration does not say.
const (
	defaultVCPUs  = 4.0
	defaultMemory = 1.0
)

// What a plan does about instances whose host does not answer.
const (
	failSilent = "error"
	keepSilent = "keep"
)

// hostModel is an element of hosts.
type hostModel struct {
	URI        types.String     `tfsdk:"uri"`
	Pool       types.String     `tfsdk:"pool"`
	Labels     types.Map        `tfsdk:"labels"`
	Overcommit *overcommitModel `tfsdk:"overcommit"`
	Reserved   *reservedModel   `tfsdk:"reserved"`
	Tiers      types.Map        `tfsdk:"storage_tiers"`
	Public     types.Set        `tfsdk:"public_networks"`
	Peer       *peerModel       `tfsdk:"peer"`
}

type overcommitModel struct {
	VCPUs  types.Float64 `tfsdk:"vcpus"`
	Memory types.Float64 `tfsdk:"memory"`
}

type peerModel struct {
	URI  types.String `tfsdk:"uri"`
	Data types.String `tfsdk:"data"`
}

type reservedModel struct {
	MemoryMB types.Int64 `tfsdk:"memory_mb"`
}

func hostsAttribute() schema.Attribute {
	some := stringvalidator.LengthAtLeast(1)
	factor := func(most float64, says string) schema.Attribute {
		return schema.Float64Attribute{
			Optional: true, Validators: []validator.Float64{float64validator.Between(0.1, most)},
			MarkdownDescription: says,
		}
	}
	return schema.MapNestedAttribute{
		Optional: true,
		Validators: []validator.Map{
			mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(face.Valid(naming.ValidateHost)),
		},
		MarkdownDescription: "The hosts, by the names that `placement` and `placed_on` use, in place of `uri` and " +
			"`pool`. See the guide [Several hosts](guides/hosts).\n" +
			"  - Each instance is placed on one of them. Images are copied to a host when it first needs them.\n" +
			"  - All configurations that share a catalog have to use the same names.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"uri": schema.StringAttribute{Required: true, Validators: []validator.String{some},
				MarkdownDescription: "libvirt URI of the host, such as `qemu+tls://kvm1.example.org/system`."},
			"pool": schema.StringAttribute{Optional: true, Validators: []validator.String{some},
				MarkdownDescription: "Storage pool of images and disks on this host. Environment: `NOVACRON_POOL`. " +
					"Default: `novacron`, as for `pool` of the provider."},
			"labels": schema.MapAttribute{Optional: true, ElementType: types.StringType,
				Validators:          []validator.Map{mapvalidator.KeysAre(some)},
				MarkdownDescription: "Labels that `placement.require` can ask for, such as `{ zone = \"a\" }`."},
			"overcommit": schema.SingleNestedAttribute{Optional: true,
				MarkdownDescription: "How much of the host its domains may be allotted together. A create that would " +
					"exceed it goes to another host, and a change that would is refused.",
				Attributes: map[string]schema.Attribute{
					"vcpus": factor(1000, fmt.Sprintf("vCPUs for each processor of the host. Default: `%g`.",
						defaultVCPUs)),
					"memory": factor(100, fmt.Sprintf("Memory of domains for the host's memory without `reserved`. "+
						"Default: `%g`.", defaultMemory)),
				}},
			"reserved": schema.SingleNestedAttribute{Optional: true,
				MarkdownDescription: "What the host keeps for itself.",
				Attributes: map[string]schema.Attribute{
					"memory_mb": schema.Int64Attribute{Required: true,
						Validators:          []validator.Int64{int64validator.AtLeast(0)},
						MarkdownDescription: "Memory in MiB. Default of the whole: 0."},
				}},
			"storage_tiers": schema.MapAttribute{Optional: true, ElementType: types.StringType,
				Validators:          []validator.Map{mapvalidator.KeysAre(some), mapvalidator.ValueStringsAre(some)},
				MarkdownDescription: "`storage_tiers` of this host. Default: the provider's."},
			"public_networks": schema.SetAttribute{Optional: true, ElementType: types.StringType,
				Validators:          []validator.Set{setvalidator.ValueStringsAre(some)},
				MarkdownDescription: "`public_networks` of this host. Default: the provider's."},
			"peer": peerAttribute(),
		}},
	}
}

// peerAttribute is the schema of a host's peer.
func peerAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{Optional: true,
		MarkdownDescription: "How the other hosts reach this one, for instances that move to it while they run " +
			"(`on_host_change = \"live\"`). See the guide [Several hosts](guides/hosts).",
		Attributes: map[string]schema.Attribute{
			"uri": schema.StringAttribute{Required: true,
				Validators: []validator.String{stringvalidator.RegexMatches(peerURI,
					"must be the libvirt URI of another host, such as qemu+tls://kvm1.internal/system")},
				MarkdownDescription: "libvirt URI that the other hosts' libvirt daemons connect to, such as " +
					"`qemu+tls://kvm1.internal/system`. What its options and keys name are files of those hosts."},
			"data": schema.StringAttribute{Optional: true,
				Validators: []validator.String{stringvalidator.RegexMatches(peerData,
					"must be tcp://ADDRESS, such as tcp://10.0.0.1 or tcp://[fd00::1]")},
				MarkdownDescription: "Address at which this host's QEMU gets memory and disks, such as " +
					"`tcp://10.0.0.1`. Default: the name that the host has for itself, which the other hosts have to " +
					"know."},
		}}
}

var (
	peerURI  = regexp.MustCompile(`^qemu(\+[a-z]+)?://[^/]+/`)
	peerData = regexp.MustCompile(`^tcp://[^/:\[\]]+(:[0-9]+)?$|^tcp://\[[0-9a-fA-F:]+\](:[0-9]+)?$`)
)

// reaches is how the other hosts reach a host.
func (m *peerModel) reaches() host.Peer {
	if m == nil {
		return host.Peer{}
	}
	return host.Peer{URI: m.URI.ValueString(), Data: m.Data.ValueString()}
}

// site is a host as the provider is configured for it.
type site struct {
	name   string // "" for the only host of a configuration that names none
	uri    string
	pool   string
	labels map[string]string
	limits *provision.Limits // nil for none
	tiers  map[string]string
	public []string
	peer   host.Peer // the zero value for none
	at     path.Path // of its uri

	conn      *libvirt.Conn
	documents *poolstore.Store // of its pool
	images    *imagestore.Store
}

// sites reads which hosts there are, by name.
func (c *model) sites(ctx context.Context, env environment) ([]*site, diag.Diagnostics) {
	var diags diag.Diagnostics
	pool := func(configured types.String) string {
		return env.setting(configured, volumes.DefaultPool, "NOVACRON_POOL")
	}
	tiers, public := attribute.Labels(c.Tiers), attribute.Strings(c.Public.Elements())
	if c.Hosts.IsNull() {
		return []*site{{
			uri:  env.setting(c.URI, "qemu:///system", "NOVACRON_URI", "LIBVIRT_DEFAULT_URI"),
			pool: pool(c.Pool), tiers: tiers, public: public, at: path.Root("uri"),
		}}, diags
	}
	for name, v := range map[string]types.String{"uri": c.URI, "pool": c.Pool} {
		if !v.IsNull() {
			diags.AddAttributeError(path.Root(name), "Conflicting attributes", fmt.Sprintf("Both %s and hosts are "+
				"set: a configuration with hosts has a %[1]s for each of them.", name))
		}
	}
	var hosts map[string]hostModel
	if diags.Append(c.Hosts.ElementsAs(ctx, &hosts, false)...); diags.HasError() {
		return nil, diags
	}
	var all []*site
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		h := hosts[name]
		s := &site{
			name: name, uri: h.URI.ValueString(), pool: pool(h.Pool), labels: attribute.Labels(h.Labels),
			limits: h.limits(), peer: h.Peer.reaches(),
			tiers: tiers, public: public, at: path.Root("hosts").AtMapKey(name),
		}
		if !h.Tiers.IsNull() {
			s.tiers = attribute.Labels(h.Tiers)
		}
		if !h.Public.IsNull() {
			s.public = attribute.Strings(h.Public.Elements())
		}
		for _, other := range all {
			if other.uri == s.uri {
				diags.AddAttributeError(s.at, "Duplicate host", fmt.Sprintf("Hosts %q and %q have the same uri, "+
					"%s: one host would count as two.", other.name, name, s.uri))
			}
		}
		all = append(all, s)
	}
	return all, diags
}

// limits are those of a host, or the defaults.
func (h hostModel) limits() *provision.Limits {
	l := &provision.Limits{VCPUs: defaultVCPUs, Memory: defaultMemory}
	if h.Overcommit != nil && !h.Overcommit.VCPUs.IsNull() {
		l.VCPUs = h.Overcommit.VCPUs.ValueFloat64()
	}
	if h.Overcommit != nil && !h.Overcommit.Memory.IsNull() {
		l.Memory = h.Overcommit.Memory.ValueFloat64()
	}
	if h.Reserved != nil {
		l.ReservedMemoryMB = h.Reserved.MemoryMB.ValueInt64()
	}
	return l
}

// home is the host whose pool gets the images that are registered, and that has the catalog if that is in
// a pool. named is what the configuration says, "" for nothing.
func home(all []*site, named string, inPool bool) (*site, diag.Diagnostics) {
	var diags diag.Diagnostics
	at := path.Root("catalog") // Terraform finds no line of what is deeper
	names := make([]string, len(all))
	for i, s := range all {
		if s.name == named {
			return s, diags
		}
		names[i] = s.name
	}
	switch {
	case named != "" && all[0].name == "":
		diags.AddAttributeError(at, "No hosts to choose from", fmt.Sprintf("The catalog's home is to be host %q, but "+
			"the provider's configuration names no hosts: configure hosts, or remove host.", named))
	case named != "":
		diags.AddAttributeError(at, "Unknown host", fmt.Sprintf("The catalog's home is to be host %q. The provider's "+
			"hosts are: %s.",
			named, strings.Join(names, ", ")))
	case len(all) > 1 && inPool:
		diags.AddAttributeError(at, "Missing home of the catalog", fmt.Sprintf("The provider has several "+
			"hosts, and the catalog is in the pool of one of them: say which, such as catalog = { host = %q }, or "+
			"use a catalog in PostgreSQL.", names[0]))
	default:
		return all[0], diags
	}
	return nil, diags
}
