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

// How a write comes about. Creating the volume of the next number claims that number; then it is filled. Whoever finds
// an incomplete newest volume waits for it, and passes it over once it has been incomplete for the whole grace time.
//
// A write that was complete within half the grace time of its looking around counts: nobody can have passed it over.
// One that took longer may have been, so its writer looks again. If nothing newer is there, or something that builds on
// it, then it counts. If something newer does not, then it has lost. If something newer is still incomplete once it has
// had its time, then the writer writes the same again after it: only a claim decides, never a clock alone.
//
// A number must not be free again while anybody may still rely on it. So a claim is withdrawn only in time, or when a
// higher number is complete, and only a delete starts the numbers again.

// finishTime bounds what is done after a claim, which no cancel cuts short, unless the caller has more time for a slow host.
const finishTime = 30 * time.Second

// finishing is the context of what is done after a claim.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	end := time.Now().Add(finishTime)
	if deadline, bounded := ctx.Deadline(); bounded && deadline.After(end) {
		end = deadline
	}
	return context.WithDeadline(context.WithoutCancel(ctx), end)
}

// maxAttempts is how many attempts may be too late before a write gives up.
const maxAttempts = 8

// errSlow says that the host answers too slowly for anybody to change anything. The change may have happened or not.
var errSlow = errors.New("the host answers too slowly")

// attempt is one claim of a write.
type attempt struct {
	envelope
	complete bool // it was filled, but maybe too late to count
}

// write makes the next revision of a document, with those changes of the batch in it that fit what it holds then. It
// returns errNothing when none does.
func (s *Store) write(ctx context.Context, b *batch) (envelope, error) {
	docStem := naming.DocumentStem(b.kind, b.key)
	var mine []attempt
	for {
		v, err := s.settled(ctx, b, mine)
		if err != nil {
			return envelope{}, err
		}
		counted, ok := counts(v, mine)
		if !ok && !own(v.current, mine) {
			err = b.compose(v.current)
		}
		if !ok {
			err = cmp.Or(err, ctx.Err())
		}
		if ok || err != nil {
			s.takeBack(ctx, docStem, v, mine, counted)
			return counted, err
		}
		a, inTime, err := s.claim(ctx, v, b)
		if err != nil || inTime {
			s.takeBack(ctx, docStem, v, mine, a.envelope)
			return a.envelope, err
		}
		if a.Number != 0 {
			mine = append(mine, a)
		}
		if len(mine) == maxAttempts {
			return envelope{}, fmt.Errorf("%w: %d times, a few small requests have taken longer than %s", errSlow, maxAttempts, s.grace/2)
		}
	}
}

// settled looks at a document until it can be decided what a batch comes to: until a newest volume that is incomplete has
// become complete, or was given up.
func (s *Store) settled(ctx context.Context, b *batch, mine []attempt) (view, error) {
	docStem := naming.DocumentStem(b.kind, b.key)
	var watched uint64
	var since time.Time
	var resolved catalog.Revision // of the document by which the batch was resolved last
	for wait := s.grace / 500; ; wait = min(2*wait, s.grace/100) {
		v, err := s.look(ctx, docStem, nil)
		if err == nil {
			err = v.damage
		}
		if err != nil {
			return v, err
		}
		if v.newest() != watched || since.IsZero() {
			watched, since = v.newest(), time.Now()
		}
		// What counts is that it was incomplete when it was read, so late after it was first seen.
		givenUp := func(a attempt) bool { return a.Number == v.newest() && !a.complete }
		expired := v.asked.Sub(since) > s.grace || slices.ContainsFunc(mine, givenUp)
		complete := v.newest() == v.current.Number
		clearing := complete && v.current.Deleted && !own(v.current, mine) // its deleter is about to finish
		if expired || complete && !clearing {
			return v, nil
		}
		if len(mine) == 0 && (resolved == "" || resolved != v.current.ID) { // what does not fit fails, whatever becomes of the newest
			if _, err := b.resolve(v.current); err != nil {
				return v, err
			}
			resolved = v.current.ID
		}
		if err := pause(ctx, wait/2+rand.N(wait)); err != nil { // at random, so that nobody is always late
			return v, err
		}
	}
}

// counts tells whether one of a writer's attempts has become part of the document.
func counts(v view, mine []attempt) (envelope, bool) {
	for _, a := range mine {
		alone := v.current.ID == a.ID && v.newest() == a.Number
		if a.complete && (alone || slices.Contains(v.current.Ancestors, a.ID)) {
			return a.envelope, true
		}
	}
	return envelope{}, false
}

// own tells whether a document is one of a writer's attempts, which it then writes again.
func own(current document, mine []attempt) bool {
	return slices.ContainsFunc(mine, func(a attempt) bool { return a.ID == current.ID })
}
