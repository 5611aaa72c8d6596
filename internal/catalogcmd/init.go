package catalogcmd

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/pgstore"
)

const aboutInit = `Prepares a PostgreSQL database (version 14 or newer) for a catalog: the schema "novacron", a role
for each tenant, and row-level security, by which the server itself keeps tenants apart. Run it
again to add tenants, or with a newer provider to migrate; what exists already is left as it is.
Either all of this happens, or nothing.

Missing roles are created, with the right to log in and without a password. Set one with psql:
  \password nova_t1

example:
  terraform-provider-novacron catalog init --dsn "host=db dbname=nova user=postgres" \
    --tenant t1=nova_t1 --tenant t2=nova_t2
`

func (a *app) setUpInit(flags *flag.FlagSet) func(context.Context) error {
	tenants := map[string]string{}
	dsn := flags.String("dsn", "", "connection string of an administrator, who may create schemas in the database "+
		"and roles, as\npostgres://`ROLE`:PASSWORD@HOST/DATABASE. Default: "+envDSN+". The password can come from "+
		"PGPASSWORD\nor ~/.pgpass instead")
	var mistake error
	flags.Func("tenant", "a tenant and its role, as `TENANT=ROLE`; once for each", func(text string) error {
		tenant, role, found := strings.Cut(text, "=")
		if other, twice := tenants[tenant]; !found || role == "" || twice && other != role {
			mistake = usageError{
				fmt.Sprintf("--tenant %s: write TENANT=ROLE, once for each tenant, for example t1=nova_t1", text),
			}
		} else if err := naming.ValidateTenant(tenant); err != nil {
			mistake = usageError{err.Error()}
		}
		tenants[tenant] = role
		return nil
	})
	return func(ctx context.Context) error {
		if mistake != nil {
			return mistake
		}
		admin := first(*dsn, os.Getenv(envDSN))
		if admin == "" {
			return usageError{"--dsn is missing"}
		}
		done, err := pgstore.Init(ctx, admin, tenants)
		if err != nil {
			return err
		}
		switch done.From {
		case 0:
			fmt.Fprintf(a.stdout, "The catalog was created, with schema version %d.\n", done.To)
		case done.To:
			fmt.Fprintf(a.stdout, "The catalog exists, with schema version %d.\n", done.To)
		default:
			fmt.Fprintf(a.stdout, "The catalog was migrated from schema version %d to %d.\n", done.From, done.To)
		}
		for _, tenant := range done.Tenants {
			fmt.Fprintf(a.stdout, "Tenant %s has the role %s.\n", tenant, tenants[tenant])
		}
		for _, role := range done.Roles {
			fmt.Fprintf(a.stdout, "The role %s is new and has no password. Set one with psql: \\password %s\n",
				role, role)
		}
		return nil
	}
}
