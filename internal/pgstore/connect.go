package pgstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTime bounds how long a connection attempt may take, unless the DSN says connect_timeout.
	connectTime = 15 * time.Second
	// callTime bounds what the caller's context does not bound.
	callTime = time.Minute
)

// errDSN leaves out the parser's own message, which quotes pieces of the DSN and so perhaps of the
// password.
var errDSN = errors.New("the PostgreSQL connection string cannot be read: write it as " +
	"postgres://ROLE:PASSWORD@HOST/DATABASE, with special characters in the password percent-encoded, or " +
	"as keywords, for example \"host=db dbname=nova user=nova_t1\"; files that it names (sslrootcert, sslcert, " +
	"sslkey, servicefile) must be readable")

func parse(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errDSN
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "terraform-provider-novacron"
	}
	// Each statement takes one round trip and leaves no state on the connection: a pooler may send
	// each statement over a different one.
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	return config, nil
}

// where names a database without its password.
func where(c *pgx.ConnConfig) string {
	server := fmt.Sprintf("%s:%d", c.Host, c.Port)
	if filepath.IsAbs(c.Host) {
		server = c.Host
	}
	name := c.Database
	if name == "" { // the server's default
		name = c.User
	}
	return fmt.Sprintf("PostgreSQL database %q on %s as role %q", name, server, c.User)
}

// open connects, once, and checks that the database holds a catalog of this provider's schema and
// that the role belongs to the right tenant. It returns the catalog's id.
func (s *Store) open(ctx context.Context) (*pgxpool.Pool, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool == nil {
		pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), s.config)
		if err != nil {
			return nil, "", err
		}
		s.pool = pool
	}
	if s.id != "" {
		return s.pool, s.id, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	id, version, err := s.check(ctx)
	if err != nil {
		return nil, "", err
	}
	s.id, s.version = id, version
	return s.pool, s.id, nil
}

// check asks whose the role is only after it has checked the schema's version, because the schema
// answers that.
func (s *Store) check(ctx context.Context) (id string, version int, err error) {
	if err := s.pool.QueryRow(ctx, `SELECT id, schema_version FROM novacron.catalogue`).Scan(
		&id, &version,
	); err != nil {
		if sqlState(err) == insufficientPrivilege {
			err = s.wrongRole("")
		}
		return "", 0, err
	}
	if err := checkVersion(version); err != nil {
		return "", 0, err
	}
	var tenant string
	var administers, unbound, entrusted bool
	if err := s.pool.QueryRow(ctx, `
		SELECT coalesce(novacron.current_tenant(), ''), pg_has_role(n.nspowner, 'USAGE'), r.rolsuper OR r.rolbypassrls,
			NOT EXISTS (SELECT FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
				WHERE c.relnamespace = n.oid AND p.polname = 'administrator'
					AND NOT pg_has_role(p.polroles[1], 'USAGE'))
		FROM pg_catalog.pg_namespace n, pg_catalog.pg_roles r
		WHERE n.nspname = 'novacron' AND r.rolname = current_user`).Scan(&tenant, &administers, &unbound,
		&entrusted); err != nil {
		return "", 0, err
	}
	switch {
	case s.options.Tenant == "" && !administers, s.options.Tenant != "" && tenant != s.options.Tenant:
		return "", 0, s.wrongRole(tenant)
	case s.options.Tenant == "" && !unbound && !entrusted: // otherwise the catalog would seem to be empty
		return "", 0, fmt.Errorf("%w: its policies are those of another owner. Run `terraform-provider-novacron "+
			"catalog init --dsn ADMIN_DSN` as the owner of the schema novacron", ErrSchema)
	case s.options.Tenant != "" && (administers || unbound):
		return "", 0, fmt.Errorf("%w: row-level security does not bind the role, which is a superuser, has BYPASSRLS "+
			"or belongs to the owner of the schema novacron: give tenant %q an ordinary role", ErrRole, tenant)
	}
	return id, version, nil
}

// wrongRole says whose the role is and whose it should be.
func (s *Store) wrongRole(tenant string) error {
	whose := "no tenant's"
	if tenant != "" {
		whose = fmt.Sprintf("that of tenant %q", tenant)
	}
	if s.options.Tenant == "" {
		return fmt.Errorf("%w: the role is %s: connect as the owner of the schema novacron, or as a superuser",
			ErrRole, whose)
	}
	return fmt.Errorf("%w: the role is %s, and the tenant here is %q: connect with the role of that tenant. An "+
		"administrator gives it one with `terraform-provider-novacron catalog init --dsn ADMIN_DSN --tenant %s=ROLE`",
		ErrRole, whose, s.options.Tenant, s.options.Tenant)
}

// RoleTenant returns whose the DSN's role is: a tenant's, or "" for an administrator.
func RoleTenant(ctx context.Context, dsn string) (tenant string, err error) {
	s, err := New(Options{DSN: dsn})
	if err != nil {
		return "", err
	}
	defer s.Close()
	if _, err = s.ID(ctx); !errors.Is(err, ErrRole) {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := s.pool.QueryRow(ctx, `SELECT coalesce(novacron.current_tenant(), '')`).Scan(&tenant); err != nil ||
		tenant == "" {
		return "", s.explain("opening the catalog", s.wrongRole(""))
	}
	return tenant, nil
}

// IsDSN reports whether a text looks like a PostgreSQL connection string.
func IsDSN(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") ||
		strings.Contains(text, "=") && !strings.Contains(text, "://")
}
