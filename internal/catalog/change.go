package catalog

import (
	"context"
	"errors"
)

// Change reads, edits, and compares-and-swaps, until that succeeds or the edit refuses.
func Change[T any](ctx context.Context, c Collection[T], key string, edit func(*T) error) (Record[T], error) {
	for {
		rec, err := c.Get(ctx, key)
		if err != nil {
			return rec, err
		}
		if err := edit(&rec.Value); err != nil {
			return rec, err
		}
		written, err := c.Replace(ctx, key, rec.Revision, rec.Value)
		if !errors.Is(err, ErrConflict) {
			return written, err
		}
	}
}

// IgnoreNotFound turns ErrNotFound into nil: it is for things that may already be gone.
func IgnoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
