package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// envDSN names the database if the configuration does not.
const envDSN = "NOVACRON_CATALOG_DSN"

type catalogModel struct {
	Postgres *postgresModel `tfsdk:"postgres"`
	Host     types.String   `tfsdk:"host"`
}

type postgresModel struct {
	DSN types.String `tfsdk:"dsn"`
}

func catalogAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Where the catalog is: templates, versions and requests. Default: documents in " +
			"the pool, or the database that `NOVACRON_CATALOG_DSN` names. Images are in the pool in both cases.",
		Attributes: map[string]schema.Attribute{
			"host": schema.StringAttribute{
				Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
				MarkdownDescription: "The host of the provider's `hosts` that is the catalog's home. Its pool gets " +
					"the images that are registered, and the documents, unless the catalog is in PostgreSQL. Required if " +
					"there are several hosts and the catalog is in a pool. Default: the first of the hosts by name.",
			},
			"postgres": schema.SingleNestedAttribute{
				Optional: true,
				MarkdownDescription: "A PostgreSQL database, in which the server itself keeps tenants apart. An " +
					"administrator prepares it once: see the guide [The catalog in " +
					"PostgreSQL](guides/catalog-postgresql).",
				Attributes: map[string]schema.Attribute{
					"dsn": schema.StringAttribute{
						Optional: true, Sensitive: true,
						Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
						MarkdownDescription: "Connection string, such as `postgres://nova_t1@db.example.org/nova`, " +
							"with the role of the provider's `tenant`. The password can come from `PGPASSWORD` or " +
							"the password file instead. Environment: `NOVACRON_CATALOG_DSN`.",
					},
				},
			},
		},
	}
}

// whereabouts say where the catalog is.
type whereabouts struct {
	dsn  string // of the database; "" for the pool
	host string // its home among the hosts; "" if the configuration does not say
}

// where reads where the catalog is.
func (c *model) where(ctx context.Context, env environment) (w whereabouts, diags diag.Diagnostics) {
	w.dsn = env(envDSN)
	if c.Catalog.IsNull() {
		return w, diags
	}
	var m catalogModel
	if diags.Append(c.Catalog.As(ctx, &m, basetypes.ObjectAsOptions{})...); diags.HasError() {
		return w, diags
	}
	w.host = m.Host.ValueString()
	if m.Postgres == nil {
		return w, diags
	}
	if w.dsn = env.setting(m.Postgres.DSN, "", envDSN); w.dsn == "" {
		diags.AddAttributeError(path.Root("catalog"), "Missing connection string",
			"The catalog is in PostgreSQL, but "+
				"neither dsn nor "+envDSN+" says where: set one of them.")
	}
	return w, diags
}

// openCatalog creates the store in a database, which ends with the session; or, without a dsn, returns
// the embedded one, which is in the pool. It connects nothing.
func openCatalog(dsn string, s *face.Session, tenant string, embedded imagestore.Catalog) (
	imagestore.Catalog, diag.Diagnostics,
) {
	var diags diag.Diagnostics
	if dsn == "" {
		return embedded, diags
	}
	store, err := pgstore.New(pgstore.Options{
		DSN: dsn, Tenant: tenant, Bases: embedded.Bases(), Snapshots: embedded.Snapshots(),
	})
	if err != nil {
		// Not at the attribute: Terraform would show its line, and the password with it.
		diags.AddError("Invalid connection string", "The provider's catalog: "+err.Error()+".")
		return nil, diags
	}
	s.OnClose(store.Close)
	return store, diags
}
