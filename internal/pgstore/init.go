package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

//go:embed grants.sql
var grants string

// migrations are the texts of the files, sorted by name. File number N creates schema version N.
var migrations = func() (texts []string) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	for _, name := range names { // directories of an embed.FS are sorted
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			panic(err) // it was listed
		}
		texts = append(texts, string(text))
	}
	return texts
}()

// oldestServer is the oldest version of PostgreSQL that the migrations support, in the form of
// server_version_num. The migrations contain functions in the syntax of the SQL standard, whose
// names are bound when the functions are created.
const oldestServer = 140000

// lockKey is the advisory lock that Init holds while it prepares a database: "novacron" in ASCII.
const lockKey = 0x6e6f766163726f6e

// oldestUsable is the oldest version of the schema that a store can use unchanged. Later versions
// only add size limits and tables, so an administrator can migrate the database after the providers
// are updated. Until then, the documents of these tables cannot be read or written.
const oldestUsable = 1

// withPlacements is the version of the schema that added placements and resource pools.
const withPlacements = 3

// withHosts is the version of the schema that added the states of hosts, in the table hostTable.
const (
	withHosts = 4
	hostTable = "host"
)

func checkVersion(version int) error {
	switch {
	case version > len(migrations):
		return fmt.Errorf("%w: its schema is version %d, and this provider knows versions up to %d: use a "+
			"newer provider", ErrSchema, version, len(migrations))
	case version < oldestUsable:
		return outdated(version, "this provider needs", oldestUsable)
	}
	return nil
}

func outdated(version int, why string, needs int) error {
	return fmt.Errorf("%w: its schema is version %d, and %s version %d at least. An administrator migrates it with "+
		"`terraform-provider-novacron catalog init --dsn ADMIN_DSN`", ErrSchema, version, why, needs)
}

// Prepared is what Init has done.
type Prepared struct {
	From, To int      // schema versions; From is 0 if there was no catalog
	Roles    []string // that it created. They may log in, and have no password
	Tenants  []string // to which it gave a role
}

// Init prepares a database for a catalog, or brings one up to date: schema, missing roles, rights
// and row-level security. It does everything or nothing. tenants maps tenants to roles. The DSN's
// role owns the schema from then on. That role must be allowed to create schemas in the database
// and, if roles are missing, to create roles.
func Init(ctx context.Context, dsn string, tenants map[string]string) (Prepared, error) {
	config, err := parse(dsn)
	if err != nil {
		return Prepared{}, err
	}
	var done Prepared
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err == nil {
		defer conn.Close(context.WithoutCancel(ctx))
		err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			done, err = prepare(ctx, tx, tenants)
			return err
		})
	}
	if err != nil {
		return Prepared{}, fmt.Errorf("preparing %s: %w", where(config.ConnConfig), classify(err))
	}
	return done, nil
}

func prepare(ctx context.Context, tx pgx.Tx, tenants map[string]string) (done Prepared, err error) {
	// No other role's objects can replace the system's while names are bound.
	if _, err := tx.Exec(ctx, `SET LOCAL search_path = pg_catalog, pg_temp`); err != nil {
		return done, err
	}
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(lockKey)); err != nil {
		return done, err
	}
	if done.From, err = migrate(ctx, tx); err != nil {
		return done, err
	}
	if err := entrust(ctx, tx); err != nil {
		return done, err
	}
	done.To = len(migrations)
	for _, tenant := range slices.Sorted(maps.Keys(tenants)) {
		made, mapped, err := enrol(ctx, tx, tenant, tenants[tenant])
		if err != nil {
			return done, err
		}
		if made {
			done.Roles = append(done.Roles, tenants[tenant])
		}
		if mapped {
			done.Tenants = append(done.Tenants, tenant)
		}
	}
	if err := exist(ctx, tx); err != nil {
		return done, err
	}
	if err := grantAll(ctx, tx); err != nil {
		return done, err
	}
	return done, bound(ctx, tx)
}

// migrate brings the schema up to date, and returns the version that it had.
func migrate(ctx context.Context, tx pgx.Tx) (from int, err error) {
	var server int
	var there bool
	if err := tx.QueryRow(ctx,
		`SELECT current_setting('server_version_num')::int, to_regclass('novacron.catalogue') IS NOT NULL`).Scan(
		&server, &there); err != nil {
		return 0, err
	}
	if server < oldestServer {
		return 0, fmt.Errorf("%w: the server is PostgreSQL %d, and %d or newer is needed",
			ErrSchema, server/10000, oldestServer/10000)
	}
	if there {
		var owns bool
		err := tx.QueryRow(ctx, `SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'novacron'`).
			Scan(&owns)
		if err == nil && !owns {
			err = fmt.Errorf("%w: it does not own the schema novacron, which another role has prepared: connect as "+
				"its owner", ErrRole)
		}
		if err == nil {
			err = tx.QueryRow(ctx, `SELECT schema_version FROM novacron.catalogue`).Scan(&from)
		}
		if err != nil {
			return 0, err
		}
	}
	if from > len(migrations) {
		return from, checkVersion(from)
	}
	for _, text := range migrations[from:] {
		// this protocol allows several statements at once
		if _, err := tx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
			return from, err
		}
	}
	if from < len(migrations) {
		_, err = tx.Exec(ctx, `UPDATE novacron.catalogue SET schema_version = $1`, len(migrations))
	}
	return from, err
}

// entrust gives the schema's owner the policies of an administrator. These policies name a role,
// and keep naming it when the schema gets another owner.
func entrust(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `
		SELECT p.polrelid::regclass::text, o.rolname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
			JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles o ON o.oid = n.nspowner
		WHERE n.nspname = 'novacron' AND p.polname = 'administrator' AND p.polroles <> ARRAY[n.nspowner]`)
	if err != nil {
		return err
	}
	type policy struct{ Table, Owner string }
	policies, err := pgx.CollectRows(rows, pgx.RowToStructByPos[policy])
	for _, p := range policies {
		if err == nil {
			_, err = tx.Exec(ctx, "ALTER POLICY administrator ON "+p.Table+" TO "+quoted(p.Owner))
		}
	}
	return err
}

// enrol creates the role if it is missing, and notes that it belongs to the tenant.
func enrol(ctx context.Context, tx pgx.Tx, tenant, role string) (made, mapped bool, err error) {
	if err := naming.ValidateTenant(tenant); err != nil {
		return false, false, err
	}
	if role == "" || len(role) > 63 || strings.ContainsFunc(role, unicode.IsControl) {
		return false, false, fmt.Errorf("%q is not a name for a role: use one of at most 63 bytes", role)
	}
	var there bool
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, role).Scan(&there)
	if err != nil {
		return false, false, err
	}
	if !there {
		if _, err := tx.Exec(ctx, "CREATE ROLE "+quoted(role)+" LOGIN"); err != nil {
			return false, false, fmt.Errorf("creating the role %q: %w", role, err)
		}
		made = true
	}
	if err := free(ctx, tx, tenant, role); err != nil {
		return made, false, err
	}
	done, err := tx.Exec(ctx, `INSERT INTO novacron.tenant (name, role) VALUES ($1, $2) ON CONFLICT DO NOTHING`, tenant,
		role)
	return made, done.RowsAffected() == 1, err
}

// free checks that neither the tenant nor the role belongs to another: moving one would give away
// that tenant's documents.
func free(ctx context.Context, tx pgx.Tx, tenant, role string) error {
	var otherTenant, otherRole string
	err := tx.QueryRow(ctx, `SELECT name, role FROM novacron.tenant WHERE (name = $1) <> (role = $2)`, tenant,
		role).Scan(&otherTenant, &otherRole)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: the role of tenant %q is %q already, so tenant %q cannot have %q: keep it, or change the "+
		"table novacron.tenant by hand",
		ErrRole, otherTenant, otherRole, tenant, role)
}

// grantAll gives every tenant's role its rights, including those that a migration added.
func grantAll(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT t.role FROM novacron.tenant t ORDER BY t.role`)
	if err != nil {
		return err
	}
	roles, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, role := range roles {
		if _, err := tx.Exec(ctx, fmt.Sprintf(grants, quoted(role)), pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("giving the role %q its rights: %w", role, err)
		}
		var database string
		var may bool
		if err := tx.QueryRow(ctx,
			`SELECT current_database(), has_database_privilege($1::name, current_database(), 'CONNECT')`,
			role).Scan(&database, &may); err != nil {
			return err
		}
		if may {
			continue
		}
		if _, err := tx.Exec(ctx, "GRANT CONNECT ON DATABASE "+quoted(database)+" TO "+quoted(role)); err != nil {
			return fmt.Errorf("letting the role %q connect: %w", role, err)
		}
	}
	return nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
