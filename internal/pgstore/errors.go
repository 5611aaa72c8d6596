package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Errors that a store reports besides those of package catalog. Test for them with errors.Is.
var (
	// ErrUnreachable says that there is no connection to the database.
	ErrUnreachable = errors.New("the database cannot be reached")
	// ErrLogin says that the server rejects the role's login: the password is wrong, the role is
	// unknown, or no rule of the server fits.
	ErrLogin = errors.New("the database does not let the role in")
	// ErrSchema says that the database holds no catalog that this provider can use.
	ErrSchema = errors.New("the database is not prepared for this provider")
	// ErrRole says that the role does not belong to the tenant.
	ErrRole = errors.New("wrong role")
	// ErrDenied says that the server denies the role an action.
	ErrDenied = errors.New("the database denies it")
)

// SQLSTATE codes, from the appendix "PostgreSQL Error Codes" of PostgreSQL's manual.
const (
	uniqueViolation       = "23505"
	checkViolation        = "23514"
	exclusionViolation    = "23P01"
	insufficientPrivilege = "42501"
	undefinedTable        = "42P01"
	undefinedColumn       = "42703"
	undefinedDatabase     = "3D000"
	invalidAuthorization  = "28000"
	invalidPassword       = "28P01"
	readOnlyTransaction   = "25006"
	untranslatable        = "22P05"
	tooManyConnections    = "53300"
	adminShutdown         = "57P01"
	crashShutdown         = "57P02"
	cannotConnectNow      = "57P03"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	queryCanceled         = "57014"
	lockNotAvailable      = "55P03"
	// Codes of novacron's own: see migrations/0003_placements.sql.
	overQuota = "NC001"
	noQuota   = "NC002"
)

// sqlState returns the code of an error that the server reported, or "" for any other error.
func sqlState(err error) string {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return server.Code
	}
	return ""
}

// explain adds what was tried and what to do. Errors of package catalog pass otherwise unchanged.
func (s *Store) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in %s: %w", doing, s, classify(err))
}

// classify determines the kind of an error from the server's codes.
func classify(err error) error {
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	switch code := sqlState(err); {
	case code == overQuota, code == noQuota:
		return quotaError(err)
	case code == undefinedTable:
		return fmt.Errorf("%w: it holds no catalog yet. An administrator prepares it with "+
			"`terraform-provider-novacron catalog init --dsn ADMIN_DSN --tenant TENANT=ROLE`", ErrSchema)
	case code == invalidPassword:
		return fmt.Errorf("%w: the password is wrong, or the role has none: check the DSN, PGPASSWORD or the "+
			"password file", ErrLogin)
	case code == invalidAuthorization:
		return fmt.Errorf("%w: check that the role exists and may log in, and that the server's pg_hba.conf has "+
			"a rule for it", ErrLogin)
	case code == undefinedDatabase:
		return fmt.Errorf("%w: the server has no such database: check the DSN, or create it with `createdb`", ErrSchema)
	case code == insufficientPrivilege && connecting:
		return fmt.Errorf("%w: the role may not connect to the database: an administrator lets it with GRANT "+
			"CONNECT ON DATABASE", ErrLogin)
	case code == insufficientPrivilege:
		return fmt.Errorf("%w: %s", ErrDenied, denied(err))
	case code == readOnlyTransaction:
		return errors.New("the server accepts no changes: it is a standby or set to read-only. Connect to " +
			"the primary server, for example by target_session_attrs=read-write")
	case code == untranslatable:
		return errors.New("the document holds a NUL character, which PostgreSQL cannot keep: leave it out")
	case code == checkViolation && tooLarge(err) > 0:
		return fmt.Errorf("the document is too large: the catalog accepts at most %d KiB of JSON. Leave out "+
			"what instances can have themselves, such as large files in cloud_init", tooLarge(err)>>10)
	case code == tooManyConnections, code == cannotConnectNow:
		return fmt.Errorf("%w: %s: try again later", ErrUnreachable, serverSays(err))
	case code == queryCanceled, code == lockNotAvailable:
		return fmt.Errorf("the server gave up and changed nothing: %s. Another session may hold a lock (see "+
			"pg_locks), or the role's statement_timeout or lock_timeout is too short", serverSays(err))
	case code != "":
		return fmt.Errorf("the server says: %s (SQLSTATE %s)", serverSays(err), code)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !connecting:
		return err
	case connecting || lost(err):
		return fmt.Errorf("%w (%s): check host and port of the DSN, and that the server runs and can be "+
			"reached from here", ErrUnreachable, cause(err))
	}
	return err
}

// quotaError reads the figures of a quota that a placement was refused for.
func quotaError(err error) error {
	server, _ := errors.AsType[*pgconn.PgError](err)
	var d struct {
		Pool   string         `json:"pool"`
		Tenant string         `json:"tenant"`
		Figure catalog.Figure `json:"figure"`
		Limit  int64          `json:"limit"`
		Used   int64          `json:"used"`
		Asked  int64          `json:"asked"`
	}
	if wrong := json.Unmarshal([]byte(server.Detail), &d); wrong != nil {
		return fmt.Errorf("the server says: %s (SQLSTATE %s), and what it adds cannot be read: %w", server.Message,
			server.Code, wrong)
	}
	if server.Code == noQuota {
		return &catalog.NoQuotaError{Pool: d.Pool, Tenant: d.Tenant}
	}
	return new(catalog.QuotaError(d))
}

// serverSays leaves out the server's details, which may quote rows.
func serverSays(err error) string {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return server.Message
	}
	return err.Error()
}

// limits are the maximum sizes of documents, in bytes of JSON, by the constraints that enforce them
// (migrations). The largest documents that the provider's own rules allow are far smaller.
var limits = map[string]int{
	"size_of_template":      4 << 20,
	"size_of_version":       4 << 20,
	"size_of_request":       1 << 20,
	"size_of_placement":     64 << 10,
	"size_of_resource_pool": 4 << 20,
	"size_of_host":          64 << 10,
}

// tooLarge returns the limit that a document exceeded, or 0 if it was refused for another reason.
func tooLarge(err error) int {
	server, _ := errors.AsType[*pgconn.PgError](err)
	return limits[server.ConstraintName]
}

// denied says why the server refused an action, as far as that is known.
func denied(err error) string {
	return serverSays(err) + ". A tenant's role may change only what belongs to its tenant; a role without " +
		"a tenant has no rights. An administrator maps a role to a tenant with `terraform-provider-novacron " +
		"catalog init`"
}

// lost reports whether the connection broke, so that the outcome of the request is unknown.
func lost(err error) bool {
	switch code := sqlState(err); {
	case code == adminShutdown, code == crashShutdown, code == cannotConnectNow,
		strings.HasPrefix(code, "08"): // connection exceptions
		return true
	case code != "":
		return false
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed)
}

// starting reports whether the server itself says that it is starting or stopping, which means that
// it exists.
func starting(err error) bool {
	code := sqlState(err)
	return code == adminShutdown || code == crashShutdown || code == cannotConnectNow
}

// clashed reports whether the server rolled a request back because of concurrent requests, so that
// it has to be repeated.
func clashed(err error) bool {
	code := sqlState(err)
	return code == serializationFailure || code == deadlockDetected || errors.Is(err, errFreed)
}

// cause returns the innermost reason why a connection failed or broke. The errors around it name
// the connection again.
func cause(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		return operation.Err.Error()
	}
	if lookup, ok := errors.AsType[*net.DNSError](err); ok {
		return lookup.Error()
	}
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok && connect.Unwrap() != nil {
		return connect.Unwrap().Error()
	}
	return err.Error()
}
