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

// openCatalog creates the configured store, which ends with the session; embedded is the one in the
// pool. It connects nothing.
func openCatalog(
	ctx context.Context, env environment, s *face.Session, config types.Object, tenant string,
	embedded imagestore.Catalog,
) (
	imagestore.Catalog, diag.Diagnostics,
) {
	var diags diag.Diagnostics
	dsn := env(envDSN)
	if !config.IsNull() {
		var where catalogModel
		if diags.Append(config.As(ctx, &where, basetypes.ObjectAsOptions{})...); diags.HasError() {
			return nil, diags
		}
		if where.Postgres != nil {
			dsn = env.setting(where.Postgres.DSN, "", envDSN)
			if dsn == "" {
				diags.AddAttributeError(path.Root("catalog"), "Missing connection string",
					"The catalog is in PostgreSQL, but "+
						"neither dsn nor "+envDSN+" says where: set one of them.")
				return nil, diags
			}
		}
	}
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
