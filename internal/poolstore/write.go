package poolstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// How a write works: a writer claims the next number by creating its volume, and then fills that
// volume. A process that finds an incomplete newest volume waits for it, and passes it over once it
// has been incomplete for the whole grace time.
//
// A write that is complete within half the grace time of the writer's look counts: no process can
// have passed it over. A write that took longer may have been passed over, so its writer looks
// again. If there is nothing newer, or something newer builds on the write, the write counts. If
// something newer does not build on it, the write has lost. If something newer is still incomplete
// after its grace time, the writer writes the same again after it: only a claim decides, never a
// clock alone.
//
// A number must not become free while any process may still rely on it. So a claim is withdrawn
// only in time, or when a higher number is complete, and only a delete restarts the numbers.

// finishTime bounds the work after a claim, which no cancel cuts short, unless the caller has more
// time for a slow host.
const finishTime = 30 * time.Second

// finishing returns the context for the work after a claim.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(finishTime)
	if deadline, bounded := ctx.Deadline(); bounded && deadline.After(end) {
		end = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// maxAttempts is how many attempts may be too late before a write gives up.
const maxAttempts = 8

// errSlow says that the host answers too slowly for any process to change anything. The change may
// or may not have happened.
var errSlow = errors.New("the host answers too slowly")

// attempt is one claim of a write.
type attempt struct {
	envelope
	complete bool      // it was filled, but maybe too late to count
	asked    time.Time // when the look began that the claim builds on
}

// writer writes the documents of one pool.
type writer struct {
	pool   *pool
	reader *reader
	queues queues
	runner string // this process, as lease names it
}

// write creates the next revision of a document, with the changes of the batch that fit its current
// content. It returns errNothing if none does.
func (w *writer) write(ctx context.Context, b *batch) (attempt, error) {
	docStem := naming.DocumentStem(b.kind, b.key)
	var mine []attempt
	for {
		v, err := w.untilDecided(ctx, b, mine)
		if err != nil {
			return attempt{}, err
		}
		counted, ok := counts(v, mine)
		if !ok && !own(v.current, mine) {
			err = b.compose(ctx, v.current)
		}
		if !ok {
			err = cmp.Or(err, ctx.Err())
		}
		if ok || err != nil {
			w.takeBack(ctx, docStem, v, mine, counted.envelope)
			return counted, err
		}
		a, inTime, err := w.claim(ctx, v, b)
		if err != nil || inTime {
			w.takeBack(ctx, docStem, v, mine, a.envelope)
			return a, err
		}
		if a.Number != 0 {
			mine = append(mine, a)
		}
		if len(mine) == maxAttempts {
			return attempt{}, fmt.Errorf("%w: %d times, a few small requests have taken longer than %s",
				errSlow, maxAttempts, w.pool.grace/2)
		}
	}
}

// untilDecided looks at a document until the outcome of a batch can be decided: until an incomplete
// newest volume has become complete, or was given up.
func (w *writer) untilDecided(ctx context.Context, b *batch, mine []attempt) (view, error) {
	docStem := naming.DocumentStem(b.kind, b.key)
	var watched uint64
	var since time.Time
	var resolved catalog.Revision // the revision of the document that the batch was last resolved against
	for wait := w.pool.grace / 500; ; wait = min(2*wait, w.pool.grace/100) {
		v, err := w.reader.look(ctx, docStem, nil)
		if err == nil {
			err = v.damage
		}
		if err != nil {
			return v, err
		}
		if v.newest() != watched || since.IsZero() {
			watched, since = v.newest(), time.Now()
		}
		// The time of the read counts: the volume was still incomplete so long after it was first seen.
		givenUp := func(a attempt) bool { return a.Number == v.newest() && !a.complete }
		expired := v.asked.Sub(since) > w.pool.grace || slices.ContainsFunc(mine, givenUp)
		complete := v.newest() == v.current.Number
		// its deleter is about to finish
		clearing := complete && v.current.Deleted && !own(v.current, mine) && !w.orphaned(ctx, v.current.envelope)
		if expired || complete && !clearing {
			return v, nil
		}
		// a change that does not fit fails, whether or not the newest volume becomes complete
		if len(mine) == 0 && (resolved == "" || resolved != v.current.ID) {
			if _, err := b.resolve(v.current); err != nil {
				return v, err
			}
			resolved = v.current.ID
		}
		if err := pause(ctx, wait/2+rand.N(wait)); err != nil { // at random, so that no writer is always late
			return v, err
		}
	}
}

// counts reports whether one of a writer's attempts has become part of the document.
func counts(v view, mine []attempt) (attempt, bool) {
	for _, a := range mine {
		alone := v.current.ID == a.ID && v.newest() == a.Number
		if a.complete && (alone || slices.Contains(v.current.Ancestors, a.ID)) {
			return a, true
		}
	}
	return attempt{}, false
}

// own reports whether a document is one of the writer's attempts, which the writer then writes
// again.
func own(current document, mine []attempt) bool {
	return slices.ContainsFunc(mine, func(a attempt) bool { return a.ID == current.ID })
}
