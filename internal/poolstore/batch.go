package poolstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// change is a pending change of one record.
type change struct {
	ctx    context.Context //nolint:containedctx // of the caller, whose change waits for others
	key    string
	parent catalog.Revision // the revision that it replaces; "" creates
	to     entry            // without a revision, it deletes the record
	// finishes says that the change is none of a record: it writes another tombstone on top of one
	finishes bool

	lead    chan struct{} // closed when the goroutine of this change must write the next batch
	outcome chan error    // has room for the one outcome
}

// fits reports whether the change can be made to the record that is there now.
func (c *change) fits(found entry) error {
	switch {
	case c.parent == "" && found.revision != "":
		return catalog.ErrExists
	case c.parent != "" && found.revision == "":
		return catalog.ErrNotFound
	case c.parent != found.revision:
		return catalog.ErrConflict
	default:
		return nil
	}
}

// batch is a set of changes to the records of one document that are written together, with at most
// one change per record.
type batch struct {
	layout
	rule rule
	key  string // the document's key
	open []*change
	next content // the content that was composed last
}

// rule judges changes by what else their document holds. It is asked for each content that is
// composed, so a change is judged by exactly the revision that it is written on. It returns a
// function that judges one change after the other, each by what the changes before it have left. A
// change that is refused is not made.
type rule func(ctx context.Context, sh *shelf) (judge func(key string, to entry) error, err error)

// content is what a document will hold.
type content struct {
	pages []pageMark
	body  []byte
}

// errNothing says that a batch has no change left to write.
var errNothing = errors.New("nothing to write")

// errLarge says that a document is full.
var errLarge = errors.New("the catalog in this pool has grown too large")

// resolve reports the outcome of every change that no longer fits the document, and of every change
// that the document already has because a slow write was seen. It returns errNothing when no change
// is left.
func (b *batch) resolve(current document) (*shelf, error) {
	sh, err := shelfOf(current)
	if err != nil {
		return nil, err
	}
	var broken error
	b.open = slices.DeleteFunc(b.open, func(c *change) bool {
		if c.finishes && !current.Deleted { // it is gone, or was created again
			c.outcome <- nil
			return true
		}
		found, err := sh.find(c.key)
		if err != nil {
			broken = err
			return false
		}
		if c.to.revision == "" || found.revision != c.to.revision {
			if err = c.fits(found); err == nil {
				err = c.ctx.Err()
			}
			if err == nil {
				return false
			}
		}
		c.outcome <- err
		return true
	})
	if broken == nil && len(b.open) == 0 {
		broken = errNothing
	}
	return sh, broken
}

// compose builds the document's next content from its current one. If the document is full, only
// the deletes of a batch are left.
func (b *batch) compose(ctx context.Context, current document) error {
	sh, err := b.resolve(current)
	if err != nil {
		return err
	}
	if err := b.change(ctx, sh); err != nil {
		return err
	}
	pages, body, err := sh.body(b.level)
	if err == nil && len(body) > maxGrown && len(body) > len(current.body) {
		err = fmt.Errorf("%w: a document would take %.1f MiB, and the limit is %d: remove what is no longer "+
			"needed, or move to a catalog in PostgreSQL", errLarge, float64(len(body))/(1<<20), maxGrown>>20)
	}
	if errors.Is(err, errLarge) {
		deletes := slices.DeleteFunc(slices.Clone(b.open), func(c *change) bool { return c.to.revision != "" })
		if len(deletes) > 0 && len(deletes) < len(b.open) {
			adds := batch{open: slices.DeleteFunc(b.open, func(c *change) bool { return c.to.revision == "" })}
			adds.finish(err)
			b.open = deletes
			return b.compose(ctx, current)
		}
	}
	b.next = content{pages, body}
	return err
}

// change makes the changes to the records, and reports the outcome of those that the rule refuses. It
// returns errNothing if it refuses all.
func (b *batch) change(ctx context.Context, sh *shelf) error {
	judge := func(string, entry) error { return nil }
	if b.rule != nil {
		var err error
		if judge, err = b.rule(ctx, sh); err != nil {
			return err
		}
	}
	b.open = slices.DeleteFunc(b.open, func(c *change) bool {
		if err := judge(c.key, c.to); err != nil {
			c.outcome <- err
			return true
		}
		sh.put(c.key, c.to)
		return false
	})
	if len(b.open) == 0 {
		return errNothing
	}
	return nil
}

// finish reports the outcome to all changes that are left.
func (b *batch) finish(err error) {
	for _, c := range b.open {
		// all contexts have ended: report how this one did
		if ended := c.ctx.Err(); ended != nil && errors.Is(err, context.Canceled) {
			c.outcome <- fmt.Errorf("%w: %w", ended, err)
		} else {
			c.outcome <- err
		}
	}
	b.open = nil
}

// context ends when the contexts of all changes have ended. So a slow host gets the time of the
// change that has the most.
func (b *batch) context() (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(b.open[0].ctx)
	end := func() {}
	if latest, bounded := b.deadline(); bounded {
		ctx, end = context.WithDeadline(ctx, latest)
	}
	ctx, cancel := context.WithCancel(ctx)
	var waiting atomic.Int64
	waiting.Store(int64(len(b.open)))
	stops := make([]func() bool, len(b.open))
	for i, c := range b.open {
		stops[i] = context.AfterFunc(c.ctx, func() {
			if waiting.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
		end()
	}
}

// deadline returns the latest deadline of all changes, or none if one of them has none.
func (b *batch) deadline() (latest time.Time, bounded bool) {
	for _, c := range b.open {
		deadline, ok := c.ctx.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if deadline.After(latest) {
			latest = deadline
		}
	}
	return latest, true
}
