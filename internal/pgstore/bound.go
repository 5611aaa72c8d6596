package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// boundQuery lists the tenants' roles that policies would not bind, and why. Members of another
// tenant's role could switch to it by SET ROLE. Up to PostgreSQL 15, a role with CREATEROLE could
// give itself any role. TRUNCATE and triggers bypass policies. A role that reads the server's files
// or starts its programs needs no table at all.
const boundQuery = `
	SELECT * FROM (
		SELECT t.name, t.role, CASE
			WHEN r.rolsuper THEN 'is a superuser'
			WHEN r.rolbypassrls THEN 'has BYPASSRLS'
			WHEN r.rolcreaterole THEN 'has CREATEROLE'
			WHEN pg_has_role(r.oid, n.nspowner, 'MEMBER') THEN 'belongs to the owner of the schema novacron'
			WHEN has_table_privilege(r.oid, 'novacron.template', 'TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.version', 'TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.request', 'TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.tenant', 'TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.placement', 'TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.quota', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
				OR has_column_privilege(r.oid, 'novacron.quota', 'document', 'UPDATE')
				OR has_table_privilege(r.oid, 'novacron.resource_pool', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.host', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
				OR has_table_privilege(r.oid, 'novacron.catalogue', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
				OR has_schema_privilege(r.oid, n.oid, 'CREATE')
				THEN 'belongs to a role with rights on the schema novacron (see \dp novacron.*)'
			ELSE (SELECT 'belongs to the role ' || quote_ident(o.rolname) || coalesce(' of tenant ' || other.name, '')
				FROM pg_roles o LEFT JOIN novacron.tenant other ON other.role = o.rolname
				WHERE o.oid <> r.oid AND pg_has_role(r.oid, o.oid, 'MEMBER') AND (other.name IS NOT NULL OR
					o.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
				ORDER BY o.rolname LIMIT 1)
			END
		FROM novacron.tenant t JOIN pg_roles r ON r.rolname = t.role JOIN pg_namespace n ON n.nspname = 'novacron'
	) AS found (tenant, role, why) WHERE why IS NOT NULL ORDER BY tenant LIMIT 1`

// bound checks that policies bind the roles of all tenants, and returns ErrRole otherwise.
func bound(ctx context.Context, tx pgx.Tx) error {
	var tenant, role, why string
	rows, err := tx.Query(ctx, boundQuery)
	if err != nil {
		return err
	}
	found, err := pgx.ForEachRow(rows, []any{&tenant, &role, &why}, func() error { return nil })
	if err == nil && found.RowsAffected() > 0 {
		err = fmt.Errorf("%w: row-level security would not bind %q, which %s: give tenant %q an ordinary role",
			ErrRole, role, why, tenant)
	}
	return err
}

// exist checks that the roles of all tenants exist, and returns ErrRole otherwise.
func exist(ctx context.Context, tx pgx.Tx) error {
	var tenant, role string
	err := tx.QueryRow(ctx, `SELECT t.name, t.role FROM novacron.tenant t
		WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = t.role) ORDER BY t.name LIMIT 1`).Scan(&tenant,
		&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%w: %q, the role of tenant %q, no longer exists. Create it again with --tenant "+
			"%[3]s=%[2]s or, as the owner of the schema, remove the tenant: DELETE FROM novacron.tenant WHERE name = "+
			"'%[3]s'", ErrRole, role, tenant)
	}
	return err
}
