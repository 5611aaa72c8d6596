package provider

import (
	"context"
	"fmt"
	"os/user"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/fleet/hosts"
	"github.com/novacron/terraform-provider-novacron/internal/fleet/pools"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/initd/binary"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/container"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

type model struct {
	URI        types.String `tfsdk:"uri"`
	Pool       types.String `tfsdk:"pool"`
	Tenant     types.String `tfsdk:"tenant"`
	User       types.String `tfsdk:"user"`
	Groups     types.Set    `tfsdk:"groups"`
	Catalog    types.Object `tfsdk:"catalog"`
	DomainType types.String `tfsdk:"domain_type"`
	Tiers      types.Map    `tfsdk:"storage_tiers"`
	Public     types.Set    `tfsdk:"public_networks"`
	Retention  types.Object `tfsdk:"request_retention"`
	Hosts      types.Map    `tfsdk:"hosts"`
	Silent     types.String `tfsdk:"unreachable_hosts"`
	Resources  types.String `tfsdk:"resource_pool"`
}

// ValidateConfig implements provider.ProviderWithValidateConfig.
func (p *Provider) ValidateConfig(
	_ context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse,
) {
	// its dsn contains a password, so it is mostly in the environment
	face.WarnEmpty(&resp.Diagnostics, req.Config.Raw, "catalog.postgres")
}

// Configure implements provider.Provider. It connects nothing: the first use does.
func (p *Provider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	if noFastPath() {
		tflog.Info(ctx, "the fast path is off, by "+envNoFastPath)
	}
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s := &face.Session{}
	resp.ResourceData, resp.DataSourceData = s, s
	defer p.configured(s)
	for _, v := range []attr.Value{
		config.URI, config.Pool, config.Tenant, config.User, config.Groups, config.Catalog, config.DomainType,
		config.Tiers, config.Public, config.Retention, config.Hosts, config.Silent,
		config.Resources,
	} {
		if !attribute.Known(ctx, v) {
			s.Deferred = true
			return
		}
	}
	resp.Diagnostics.Append(p.open(ctx, config, s)...)
}

// open creates what the session works with.
func (p *Provider) open(ctx context.Context, config model, s *face.Session) diag.Diagnostics {
	tenant := p.env.setting(config.Tenant, naming.DefaultTenant, "NOVACRON_TENANT")
	sites, diags := config.sites(ctx, p.env)
	if diags.HasError() {
		return diags
	}
	for _, site := range sites {
		var err error
		if site.conn, err = libvirt.New(libvirt.Options{URI: site.uri, Tenant: tenant}); err != nil {
			diags.AddAttributeError(site.at, "Invalid libvirt URI", err.Error())
			continue
		}
		s.OnClose(func() { _ = site.conn.Close() })
		site.documents = poolstore.New(site.conn, site.pool)
	}
	if diags.HasError() {
		return diags
	}
	if !config.Resources.IsNull() && config.Hosts.IsNull() {
		diags.AddAttributeError(path.Root("resource_pool"), "No hosts to choose from", "The provider's configuration "+
			"names no hosts, so it has no resource pools: configure hosts, or remove resource_pool.")
		return diags
	}
	domainType := p.env.setting(config.DomainType, "", "NOVACRON_DOMAIN_TYPE")
	me := catalog.Principal{
		Tenant: tenant, User: p.env.setting(config.User, osUser(), "NOVACRON_USER"),
		Groups: attribute.Strings(config.Groups.Elements()),
	}
	checkEnvironment(&diags, tenant, domainType)
	checkNames(&diags, me)
	where, more := config.where(ctx, p.env)
	if diags.Append(more...); more.HasError() {
		return diags
	}
	at, more := home(sites, where.host, where.dsn == "")
	if diags.Append(more...); more.HasError() {
		return diags
	}
	store, admin, more := openCatalog(where, s, tenant, at.documents)
	if diags.Append(more...); more.HasError() {
		return diags
	}
	var others []*imagestore.Store
	for _, site := range sites {
		documents := imagestore.Documents(store)
		if site != at {
			documents = imagestore.Elsewhere(store, tenant, site.documents)
		}
		options := imagestore.Options{
			Host: site.conn, Pool: site.pool, Documents: documents, Tenant: tenant, Site: site.name,
			Rounds: site.documents.Rounds(), Index: site.documents,
		}
		if site.name != "" {
			options.Sharing = site.documents
		}
		site.images = imagestore.New(options)
		if site != at {
			others = append(others, site.images)
		}
	}
	s.Library = library.New(library.Options{
		Images:    at.images,
		Others:    others,
		Store:     store,
		User:      me.User,
		Groups:    me.Groups,
		Retention: retention(config.Retention),
	})
	members := make([]*fleet.Member, len(sites))
	for i, site := range sites {
		members[i] = &fleet.Member{Name: site.name, Labels: site.labels, Peer: site.peer}
		members[i].Provisioner = provision.New(provision.Settings{
			Host:           site.conn,
			Library:        s.Library.At(site.images),
			Limits:         site.limits,
			StorageTiers:   site.tiers,
			PublicNetworks: site.public,
			Observe:        logStep,
			Kinds: func(s kind.Site) []kind.Driver {
				return []kind.Driver{vm.New(s, domainType), container.New(s, binary.Program)}
			},
		})
	}
	s.Fleet = fleet.New(fleet.Options{
		Members: members, Home: at.name, Library: s.Library, Placements: store.Placements(), Clock: store.Now,
		Pools: store.ResourcePools(),
	})
	s.Pools = pools.Over(admin, s.Library)
	s.Hosts = hosts.Over(admin, s.Fleet, s.Library)
	s.ResourcePool = config.Resources.ValueString()
	s.KeepSilent = config.Silent.ValueString() == keepSilent
	return diags
}

// checkEnvironment checks values from the environment as the schema checks configured ones.
func checkEnvironment(diags *diag.Diagnostics, tenant, domainType string) {
	if err := naming.ValidateTenant(tenant); err != nil {
		diags.AddAttributeError(path.Root("tenant"), "Invalid tenant", fmt.Sprintf("NOVACRON_TENANT: %v.", err))
	}
	if domainType != "" && domainType != "kvm" && domainType != "qemu" {
		diags.AddAttributeError(path.Root("domain_type"), "Invalid domain type",
			fmt.Sprintf("NOVACRON_DOMAIN_TYPE: %q is neither kvm nor qemu.", domainType))
	}
}

// checkNames refuses names that neither the XML of a host nor a catalog could store, and that would
// thus be read back as other names.
func checkNames(diags *diag.Diagnostics, me catalog.Principal) {
	odd := func(name string) bool {
		return !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl)
	}
	if odd(me.User) {
		diags.AddAttributeError(path.Root("user"), "Invalid user",
			fmt.Sprintf("The user's name %q, of user, NOVACRON_USER "+
				"or the operating system, holds a control character, or bytes that are not UTF-8.", me.User))
	}
	for _, group := range me.Groups {
		if odd(group) {
			diags.AddAttributeError(path.Root("groups"), "Invalid group",
				fmt.Sprintf("The group's name %q holds a control character.", group))
		}
	}
}

// environment looks up a variable; "" if it is not set.
type environment func(name string) string

// setting is the configured value, else the environment's, else the default.
func (env environment) setting(configured types.String, fallback string, variables ...string) string {
	if !configured.IsNull() {
		return configured.ValueString()
	}
	for _, name := range variables {
		if v := env(name); v != "" {
			return v
		}
	}
	return fallback
}

func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// logStep logs a step of a provisioning.
func logStep(ctx context.Context, instance string, s step.Step, err error) {
	fields := map[string]any{"instance": instance, "step": s.Name, "milliseconds": s.Duration.Milliseconds()}
	if err != nil {
		fields["error"] = err.Error()
		tflog.Warn(ctx, "provisioning step failed", fields)
		return
	}
	tflog.Info(ctx, "provisioning step done", fields)
}
