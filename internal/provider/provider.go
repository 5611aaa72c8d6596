// Package provider is the provider's configuration and wiring, and nothing else.
package provider

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/functions"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/resources/cataloginfo"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/host"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance"
	"github.com/novacron/terraform-provider-novacron/internal/resources/polkitrules"
	"github.com/novacron/terraform-provider-novacron/internal/resources/provisioningrequests"
	"github.com/novacron/terraform-provider-novacron/internal/resources/resourcepool"
	"github.com/novacron/terraform-provider-novacron/internal/resources/template"
	"github.com/novacron/terraform-provider-novacron/internal/resources/templates"
	"github.com/novacron/terraform-provider-novacron/internal/resources/templateversion"
	"github.com/novacron/terraform-provider-novacron/internal/resources/templateversions"
)

var (
	_ provider.Provider                   = (*Provider)(nil)
	_ provider.ProviderWithFunctions      = (*Provider)(nil)
	_ provider.ProviderWithValidateConfig = (*Provider)(nil)
)

// Provider is the novacron provider.
type Provider struct {
	version string
	env     environment
	session atomic.Pointer[face.Session] // as last configured; nil before

	mu sync.Mutex
	// all that were configured: a process that a test or a debugger runs in may serve several
	// commands
	sessions []*face.Session
}

// configured records what the provider was configured to be.
func (p *Provider) configured(s *face.Session) {
	p.session.Store(s)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions = append(p.sessions, s)
}

// end confirms what was created, and ends all connections. It does not wait longer than ctx for
// requests in flight.
func (p *Provider) end(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	closed := make(chan struct{})
	for _, s := range p.sessions {
		errs = append(errs, s.Confirm(ctx))
	}
	for _, s := range p.sessions {
		s.Finish(ctx)
	}
	go func(sessions []*face.Session) {
		defer close(closed)
		for _, s := range sessions {
			s.Close()
		}
	}(p.sessions)
	select {
	case <-closed:
	case <-ctx.Done():
	}
	return errors.Join(errs...)
}

// New creates a provider of that version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &Provider{version: version} }
}

// Metadata implements provider.Provider.
func (p *Provider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "novacron", p.version
}

// Schema implements provider.Provider.
func (p *Provider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	some := []validator.String{stringvalidator.LengthAtLeast(1)} // "" is a mistake, not a default
	resp.Schema = schema.Schema{
		MarkdownDescription: "A template library for plain libvirt/KVM hosts: templates, versions, and " +
			"instances that are cloned from them.",
		Attributes: map[string]schema.Attribute{
			"uri": schema.StringAttribute{Optional: true, Validators: some,
				MarkdownDescription: "libvirt URI of the host, such as `qemu:///system`, " +
					"`qemu+ssh://root@kvm1/system` or `qemu+tls://kvm1/system`. Environment: `NOVACRON_URI`, then " +
					"`LIBVIRT_DEFAULT_URI`. Default: `qemu:///system`."},
			"pool": schema.StringAttribute{Optional: true, Validators: some,
				MarkdownDescription: "Storage pool of the library " +
					"and of the instances' disks. Environment: `NOVACRON_POOL`. Default: `novacron`, a directory " +
					"pool that is created if it is missing; any other pool must exist. Keep other files out of its " +
					"directory: libvirt lists at most 16,384 volumes of a pool."},
			"tenant": schema.StringAttribute{Optional: true,
				Validators:          []validator.String{face.Valid(naming.ValidateTenant)},
				MarkdownDescription: "Tenant to work for. Environment: `NOVACRON_TENANT`. Default: `default`."},
			"user": schema.StringAttribute{Optional: true, Validators: some,
				MarkdownDescription: "User who owns new templates and requests instances. Environment: " +
					"`NOVACRON_USER`. Default: the user of the operating system."},
			"groups": schema.SetAttribute{Optional: true, ElementType: types.StringType,
				Validators: []validator.Set{setvalidator.ValueStringsAre(some...)},
				MarkdownDescription: "Groups of the tenant that the user belongs to, for templates whose " +
					"`access_control` names groups."},
			"catalog": catalogAttribute(),
			"domain_type": schema.StringAttribute{Optional: true,
				Validators: []validator.String{stringvalidator.OneOf("kvm", "qemu")},
				MarkdownDescription: "How guests run: `kvm`, or `qemu` for software emulation. Environment: " +
					"`NOVACRON_DOMAIN_TYPE`. Default: `kvm` if the host offers it, otherwise `qemu`."},
			"storage_tiers": schema.MapAttribute{Optional: true, ElementType: types.StringType,
				Validators: []validator.Map{mapvalidator.KeysAre(some...), mapvalidator.ValueStringsAre(some...)},
				MarkdownDescription: "Storage pools of the host, by the names that `storage_tier` of disks " +
					"uses: `{ fast = \"nvme\" }`. The pools must exist, and consist of files (types `dir`, `fs` " +
					"and `netfs`)."},
			"public_networks": schema.SetAttribute{Optional: true, ElementType: types.StringType,
				Validators: []validator.Set{setvalidator.ValueStringsAre(some...)},
				MarkdownDescription: "Networks and bridges of the host with public addresses. They satisfy " +
					"`requires_public_ip`."},
			"request_retention": retentionAttribute(),
			"hosts":             hostsAttribute(),
			"resource_pool": schema.StringAttribute{Optional: true,
				Validators:          []validator.String{face.Valid(naming.ValidateResourcePool)},
				MarkdownDescription: "`resource_pool` of instances that name none. It needs `hosts`."},
			"unreachable_hosts": schema.StringAttribute{Optional: true,
				Validators: []validator.String{stringvalidator.OneOf(failSilent, keepSilent)},
				MarkdownDescription: "What a plan does about instances whose host does not answer. Default: " +
					"`error`.\n" +
					"  - `error`: the plan fails.\n" +
					"  - `keep`: they stay in the state as they are, with a warning. Changes of them fail.\n\n" +
					"  A host that is off for good is made `lost` by `novacron_host`: then it is not asked."},
		},
	}
}

// Resources implements provider.Provider.
func (p *Provider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{template.New, templateversion.New, instance.New, resourcepool.New,
		host.New}
}

// DataSources implements provider.Provider.
func (p *Provider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{template.NewDataSource, templateversion.NewDataSource,
		templates.NewDataSource, templateversions.NewDataSource, host.NewDataSource,
		provisioningrequests.NewDataSource, instance.NewDataSource, instance.NewListDataSource,
		cataloginfo.NewDataSource,
		polkitrules.NewDataSource, resourcepool.NewDataSource,
	}
}

// Functions implements provider.ProviderWithFunctions.
func (p *Provider) Functions(context.Context) []func() function.Function { return functions.All() }
