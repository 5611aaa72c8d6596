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

// change is the change of one record, on its way into its document.
type change struct {
	ctx    context.Context //nolint:containedctx // of the caller, whose change waits for others
	key    string
	parent catalog.Revision // that it replaces; "" creates
	to     entry            // without a revision: it deletes

	lead    chan struct{} // closed when its goroutine is to write the next batch
	outcome chan error    // has room for the one that comes
}

// fits tells whether the change can be made to what is there now.
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

// batch is changes of one document's records that are written at once, of one record no more than one.
type batch struct {
	layout
	key  string // of the document
	open []*change
	next content // as composed last
}

// content is what a document is to hold.
type content struct {
	pages []pageMark
	body  []byte
}

// errNothing says that no change of a batch is left to be written.
var errNothing = errors.New("nothing to write")

// errLarge says that a document has no room for more.
var errLarge = errors.New("the catalog in this pool has grown too large")

// resolve tells those what became of it whose changes do not fit what the document holds now, and those whose changes
// are in it already, by a write that was slow and was seen. errNothing when none is left.
func (b *batch) resolve(current document) (*shelf, error) {
	sh, err := shelfOf(current)
	if err != nil {
		return nil, err
	}
	var broken error
	b.open = slices.DeleteFunc(b.open, func(c *change) bool {
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

// compose makes what the document is to hold, out of what it holds now. Where it has no room for more, only the deletes
// of a batch are left.
func (b *batch) compose(current document) error {
	sh, err := b.resolve(current)
	if err != nil {
		return err
	}
	for _, c := range b.open {
		sh.put(c.key, c.to)
	}
	pages, body, err := sh.body(b.level)
	if err == nil && len(body) > maxGrown && len(body) > len(current.body) {
		err = fmt.Errorf("%w: a document would take %.1f MiB, and the limit is %d: remove what is no longer needed, or move "+
			"to a catalog in PostgreSQL", errLarge, float64(len(body))/(1<<20), maxGrown>>20)
	}
	if errors.Is(err, errLarge) {
		deletes := slices.DeleteFunc(slices.Clone(b.open), func(c *change) bool { return c.to.revision != "" })
		if len(deletes) > 0 && len(deletes) < len(b.open) {
			adds := batch{open: slices.DeleteFunc(b.open, func(c *change) bool { return c.to.revision == "" })}
			adds.finish(err)
			b.open = deletes
			return b.compose(current)
		}
	}
	b.next = content{pages, body}
	return err
}

// finish tells all that are left what became of their changes.
func (b *batch) finish(err error) {
	for _, c := range b.open {
		if ended := c.ctx.Err(); ended != nil && errors.Is(err, context.Canceled) { // by what ended all of them
			c.outcome <- fmt.Errorf("%w: %w", ended, err)
		} else {
			c.outcome <- err
		}
	}
	b.open = nil
}

// context ends when those of all changes have ended. A host that is slow has the time of the change that has most.
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

// deadline is the latest of those of all changes; none where one of them has none.
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
