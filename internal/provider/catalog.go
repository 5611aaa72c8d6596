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

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// What names the database, and connects as its administrator, if the configuration does not.
const (
	envDSN      = "NOVACRON_CATALOG_DSN"
	envAdminDSN = "NOVACRON_CATALOG_ADMIN_DSN"
)

type catalogModel struct {
	Postgres *postgresModel `tfsdk:"postgres"`
	Host     types.String   `tfsdk:"host"`
}

type postgresModel struct {
	DSN      types.String `tfsdk:"dsn"`
	AdminDSN types.String `tfsdk:"admin_dsn"`
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
					"the images that are registered, and the documents, unless the catalog is in PostgreSQL. " +
					"Required if there are several hosts and the catalog is in a pool. Default: the first of the " +
					"hosts by name.",
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
					"admin_dsn": schema.StringAttribute{
						Optional: true, Sensitive: true,
						Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
						MarkdownDescription: "Connection string of an administrator of the same database: the owner " +
							"of the schema `novacron`, a member of the owner's role, or a superuser. It is only " +
							"needed, and only used, for `novacron_resource_pool` and `novacron_host`. Environment: " +
							"`NOVACRON_CATALOG_ADMIN_DSN`.",
					},
				},
			},
		},
	}
}

// whereabouts say where the catalog is.
type whereabouts struct {
	dsn string // of the database; "" for the pool
	// admin is the dsn of the database's administrator; "" for none.
	admin string
	host  string // its home among the hosts; "" if the configuration does not say
}

// where reads where the catalog is.
func (c *model) where(ctx context.Context, env environment) (w whereabouts, diags diag.Diagnostics) {
	w.dsn, w.admin = env(envDSN), env(envAdminDSN)
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
	w.admin = env.setting(m.Postgres.AdminDSN, "", envAdminDSN)
	if w.dsn = env.setting(m.Postgres.DSN, "", envDSN); w.dsn == "" {
		diags.AddAttributeError(path.Root("catalog"), "Missing connection string",
			"The catalog is in PostgreSQL, but "+
				"neither dsn nor "+envDSN+" says where: set one of them.")
	}
	return w, diags
}

// openCatalog creates the store in a database, which ends with the session; or, without a dsn, returns
// the embedded one, which is in the pool. admin is the same catalog as its administrator has it, or nil
// for a user who is none. It connects nothing.
func openCatalog(w whereabouts, s *face.Session, tenant string, embedded imagestore.Catalog) (
	store imagestore.Catalog, admin catalog.Store, diags diag.Diagnostics,
) {
	if w.dsn == "" {
		return embedded, embedded, diags
	}
	open := func(what, dsn, tenant string) *pgstore.Store {
		store, err := pgstore.New(pgstore.Options{
			DSN: dsn, Tenant: tenant, Bases: embedded.Bases(), Snapshots: embedded.Snapshots(),
		})
		if err != nil {
			// Not at the attribute: Terraform would show its line, and the password with it.
			diags.AddError("Invalid connection string", "The provider's "+what+": "+err.Error()+".")
			return nil
		}
		s.OnClose(store.Close)
		return store
	}
	store = open("catalog", w.dsn, tenant)
	if w.admin != "" {
		admin = open("admin_dsn of the catalog", w.admin, "")
	}
	return store, admin, diags
}
