package pgstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// db is a connection.
type db interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// How long to ask a server that is away again: one that restarts answers in seconds. A request with
// a deadline is repeated until then, and one without for restartTime. A server that has never
// answered this process may not exist at all.
const (
	restartTime = 2 * time.Minute
	firstTime   = 10 * time.Second
	minPause    = 50 * time.Millisecond
	maxPause    = 2 * time.Second
)

// ask runs a read, until ctx ends.
func (s *Store) ask(ctx context.Context, do func(ctx context.Context, db db) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience(ctx))
	defer cancel()
	return s.call(ctx, ctx, func(ctx context.Context, db db, _ bool) error { return do(ctx, db) })
}

// change makes a change. If ctx ends meanwhile, the change is not cut short, because then it would
// be unknown whether it has happened. That is also unknown if the connection breaks, so change
// makes the request again, and finds out by the change's own revision whether it has happened: for
// callTime after ctx has ended.
func (s *Store) change(ctx context.Context, do func(ctx context.Context, db db, again bool) error) error {
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(callTime, s.patience(ctx)))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-finish.Done():
		case <-time.After(callTime):
			cancel()
		}
	})
	defer stop()
	return s.call(ctx, finish, do)
}

// patience returns how long to ask a server that is away again. If the server has been away for
// long already, each further call without a deadline gets only a short time.
func (s *Store) patience(ctx context.Context) time.Duration {
	if deadline, bounded := ctx.Deadline(); bounded {
		return time.Until(deadline)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lostSince.IsZero() {
		return restartTime
	}
	return max(restartTime-time.Since(s.lostSince), firstTime)
}

// note records since when the server is away, judging by the outcome of a call.
func (s *Store) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case lost(err):
		if s.lostSince.IsZero() {
			s.lostSince = time.Now()
		}
	case err == nil || sqlState(err) != "": // it has answered
		s.lostSince = time.Time{}
	}
}

// call runs do on a connection, and again if the connection breaks or there is none. begin bounds
// everything before do.
func (s *Store) call(begin, finish context.Context, do func(ctx context.Context, db db, again bool) error) error {
	again, began := false, time.Now()
	for wait := minPause; ; wait = min(2*wait, maxPause) {
		conn, err := s.acquire(begin)
		if err == nil {
			err = attempt(finish, conn, again, do)
			conn.Release()
			again, begin = true, finish // it may have happened, so it must be finished
		}
		s.note(err)
		if !lost(err) && sqlState(err) != tooManyConnections || !s.answered() && !starting(err) &&
			time.Since(began) > s.firstTime {
			return err
		}
		select {
		case <-begin.Done():
			return err
		case <-time.After(wait/2 + rand.N(wait)): // at random, so that not all come back at once
		}
	}
}

func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	pool, _, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return pool.Acquire(ctx)
}

// errStuck says that the server did not answer a statement for callTime, on a connection that is
// still open.
var errStuck = fmt.Errorf("%w: the server has not answered for %s", ErrUnreachable, callTime)

// attempt runs do on one connection, and again if the server asks for that.
func attempt(
	finish context.Context, conn *pgxpool.Conn, again bool, do func(ctx context.Context, db db, again bool) error,
) error {
	ctx, cancel := context.WithTimeout(finish, callTime)
	defer cancel()
	err := do(ctx, conn, again)
	for clashed(err) && ctx.Err() == nil {
		err = do(ctx, conn, again)
	}
	if err != nil && ctx.Err() != nil && finish.Err() == nil {
		return errStuck
	}
	return err
}

// answered reports whether the server has ever answered this process.
func (s *Store) answered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id != ""
}

// schemaVersion returns the version of the database's schema, or 0 if the database has not been
// checked.
func (s *Store) schemaVersion() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}
