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
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
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
		config.Tiers, config.Public, config.Retention,
	} {
		if !attribute.Known(ctx, v) {
			s.Deferred = true
			return
		}
	}
	tenant := p.env.setting(config.Tenant, naming.DefaultTenant, "NOVACRON_TENANT")
	host, err := libvirt.New(libvirt.Options{
		URI: p.env.setting(config.URI, "qemu:///system", "NOVACRON_URI", "LIBVIRT_DEFAULT_URI"), Tenant: tenant,
	})
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("uri"), "Invalid libvirt URI", err.Error())
		return
	}
	s.OnClose(func() { _ = host.Close() })
	domainType := p.env.setting(config.DomainType, "", "NOVACRON_DOMAIN_TYPE")
	me := catalog.Principal{
		Tenant: tenant, User: p.env.setting(config.User, osUser(), "NOVACRON_USER"),
		Groups: attribute.Strings(config.Groups.Elements()),
	}
	checkEnvironment(&resp.Diagnostics, tenant, domainType)
	checkNames(&resp.Diagnostics, me)
	pool := p.env.setting(config.Pool, volumes.DefaultPool, "NOVACRON_POOL")
	store, diags := openCatalog(ctx, p.env, s, config.Catalog, tenant, poolstore.New(host, pool))
	resp.Diagnostics.Append(diags...)
	if diags.HasError() {
		return
	}
	s.Library = library.New(library.Options{
		Images:    imagestore.New(imagestore.Options{Host: host, Pool: pool, Documents: store, Tenant: tenant}),
		Store:     store,
		User:      me.User,
		Groups:    me.Groups,
		Retention: retention(config.Retention),
	})
	s.Provisioner = provision.New(provision.Settings{
		Host:           host,
		Library:        s.Library,
		StorageTiers:   attribute.Labels(config.Tiers),
		PublicNetworks: attribute.Strings(config.Public.Elements()),
		Observe:        logStep,
		Kinds:          func(s kind.Site) []kind.Driver { return []kind.Driver{vm.New(s, domainType)} },
	})
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
