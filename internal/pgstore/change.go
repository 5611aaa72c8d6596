package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// db is a connection.
type db interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// attempts bounds how often is asked for what a broken connection left open.
const attempts = 3

// ask reads, until ctx ends.
func (s *Store) ask(ctx context.Context, do func(ctx context.Context, db db) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return s.call(ctx, ctx, func(ctx context.Context, db db, _ bool) error { return do(ctx, db) })
}

// change carries a change out, which a context that ends then does not cut short: nobody would know whether it has
// happened. Nor does anybody when the connection breaks, so the change is asked for again, and finds by its own revision
// whether it has happened.
func (s *Store) change(ctx context.Context, do func(ctx context.Context, db db, again bool) error) error {
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	return s.call(ctx, finish, do)
}

// call has do done on a connection. begin is for all that comes before it.
func (s *Store) call(begin, finish context.Context, do func(ctx context.Context, db db, again bool) error) error {
	pool, _, err := s.open(begin)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		conn, err := pool.Acquire(begin)
		if err == nil {
			for err = do(finish, conn, attempt > 1); clashed(err) && finish.Err() == nil; {
				err = do(finish, conn, attempt > 1)
			}
			conn.Release()
		}
		if attempt == attempts || !lost(err) {
			return err
		}
		begin = finish // it may have happened: there is no way back
	}
}
