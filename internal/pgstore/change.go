package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// db is a connection.
type db interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// attempts bounds how often a change is asked for whose connection broke.
const attempts = 3

// change carries a change out, which a context that ends then does not cut short: nobody would know whether it has
// happened. Nor does anybody when the connection breaks, so the change is asked for again, and finds by its own revision
// whether it has happened.
func (s *Store) change(ctx context.Context, do func(ctx context.Context, db db, again bool) error) error {
	pool, _, err := s.open(ctx)
	if err != nil {
		return err
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	for attempt := 1; ; attempt++ {
		conn, err := pool.Acquire(ctx)
		if err == nil {
			err = do(finish, conn, attempt > 1)
			conn.Release()
		}
		if attempt == attempts || !lost(err) {
			return err
		}
		ctx = finish // it may have happened: there is no way back
	}
}
