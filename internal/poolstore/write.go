package poolstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
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

// finishTime bounds what is done after a claim, which no cancel cuts short.
const finishTime = 30 * time.Second

// maxAttempts is how many attempts may be too late before a write gives up.
const maxAttempts = 8

// errSlow says that the host answers too slowly for anybody to change anything. The change may have happened or not.
var errSlow = errors.New("the host answers too slowly")

// attempt is one claim of a write.
type attempt struct {
	envelope
	complete bool // it was filled, but maybe too late to count
}

// write makes the revision after parent ("": the first), on the condition that parent is the newest.
func (s *Store) write(ctx context.Context, e envelope, parent catalog.Revision, body []byte) (envelope, error) {
	docStem := stem(e.Kind, e.Key)
	var mine []attempt
	for {
		v, err := s.settled(ctx, docStem, parent, mine)
		if err != nil {
			return e, err
		}
		counted, ok := counts(v, mine)
		if !ok {
			err = cmp.Or(allowed(v.current, parent, mine), ctx.Err())
		}
		if ok || err != nil {
			s.takeBack(ctx, docStem, v, mine, counted)
			return counted, err
		}
		a, inTime, err := s.claim(ctx, docStem, v, e, body)
		if err != nil || inTime {
			s.takeBack(ctx, docStem, v, mine, a.envelope)
			return a.envelope, err
		}
		if a.Number != 0 {
			mine = append(mine, a)
		}
		if len(mine) == maxAttempts {
			return e, fmt.Errorf("%w: %d times, a few small requests have taken longer than %s", errSlow, maxAttempts, s.grace/2)
		}
	}
}

// settled looks at a document until it can be decided what a write after parent comes to: until a newest volume that is
// incomplete has become complete, or was given up.
func (s *Store) settled(ctx context.Context, docStem string, parent catalog.Revision, mine []attempt) (view, error) {
	var watched uint64
	var since time.Time
	for {
		v, err := s.look(ctx, docStem)
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
		lost := len(mine) == 0 && allowed(v.current, parent, nil) != nil // whatever becomes of the newest
		clearing := complete && v.current.Deleted && parent == ""        // its deleter is about to finish
		if lost || expired || complete && !clearing {
			return v, nil
		}
		if err := pause(ctx, s.grace/100); err != nil {
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

// allowed tells whether current is what a write after parent replaces.
func allowed(current document, parent catalog.Revision, mine []attempt) error {
	own := func(a attempt) bool { return a.ID == current.ID }
	switch {
	case current.Number != 0 && (current.ID == parent || slices.ContainsFunc(mine, own)):
		return nil
	case current.Number == 0 || current.Deleted:
		if parent == "" { // after a tombstone, its deleter has died
			return nil
		}
		return catalog.ErrNotFound
	default:
		return catalog.ErrConflict
	}
}

// claim claims the number after the newest and fills its volume. inTime says that the write counts. An attempt of number
// 0 was withdrawn, or lost to somebody else's claim.
func (s *Store) claim(ctx context.Context, docStem string, v view, e envelope, body []byte) (a attempt, inTime bool, err error) {
	e.Number, e.ID, e.Ancestors = v.newest()+1, catalog.Revision(rand.Text()), v.current.lineage()
	data, err := seal(e, body)
	if err != nil {
		return attempt{}, false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	name := volumeOf(docStem, e.Number)
	_, err = s.volumes.CreateVolume(ctx, s.pool, hypervisor.VolumeSpec{
		Name: name, Format: "raw", Capacity: uint64(len(data)), Allocation: uint64(len(data)),
	})
	if errors.Is(err, hypervisor.ErrExists) {
		s.distrust()
		return attempt{}, false, nil
	}
	if err != nil {
		return attempt{}, false, gone(err)
	}
	undisturbed, err := s.undisturbed(ctx, docStem, v, e.Number)
	if err == nil && undisturbed {
		if v.current.Number == 0 && !s.inTime(v.asked) {
			return attempt{e, false}, false, nil // the number may be another document's by now
		}
		err = whenFree(ctx, func() error { return s.volumes.WriteVolume(ctx, s.pool, name, data) })
		if err == nil {
			if inTime = s.inTime(v.asked); inTime {
				s.trim(ctx, docStem, v, e.Number)
			}
			return attempt{e, true}, inTime, nil
		}
	}
	err = gone(err)
	if s.inTime(v.asked) {
		err = errors.Join(err, s.remove(ctx, docStem, e.Number))
	}
	return attempt{}, false, err
}

// gone forgives a volume's absence: somebody took the claim for abandoned, and the next look tells what came of it.
func gone(err error) error {
	if errors.Is(err, hypervisor.ErrNoVolume) {
		return nil
	}
	return err
}

// undisturbed makes sure, after the claim of a number, that nothing has happened between the look and the claim: the
// document was not deleted and made anew, which starts the numbers again, and what was passed over is still incomplete.
func (s *Store) undisturbed(ctx context.Context, docStem string, v view, claimed uint64) (bool, error) {
	for {
		asked := time.Now()
		same, err := s.same(ctx, docStem, v, claimed)
		if err != nil || !same || s.inTime(asked) {
			return same, err
		}
	}
}

func (s *Store) same(ctx context.Context, docStem string, v view, claimed uint64) (bool, error) {
	numbers, err := s.numbers(ctx, docStem)
	if err != nil {
		return false, err
	}
	for _, number := range numbers {
		if number != claimed && !slices.Contains(v.numbers, number) {
			return false, nil
		}
	}
	for _, number := range v.numbers {
		if number < v.current.Number {
			continue
		}
		doc, err := s.read(ctx, docStem, number)
		missing := errors.Is(err, errTorn) || errors.Is(err, hypervisor.ErrNoVolume)
		if err != nil && !missing {
			return false, err
		}
		if number == v.current.Number && (missing || doc.ID != v.current.ID) || number > v.current.Number && !missing {
			return false, nil
		}
	}
	return true, nil
}

// inTime tells whether so little time has passed since somebody looked that nobody can have given up a claim made after
// that. The wall clock is asked too: the other stands still while a machine sleeps.
func (s *Store) inTime(asked time.Time) bool {
	now := time.Now()
	return max(now.Sub(asked), now.Round(0).Sub(asked.Round(0))) < s.grace/2
}

// takeBack removes a writer's attempts but the one that counted, where something newer is complete: numbers below that
// are not used again.
func (s *Store) takeBack(ctx context.Context, docStem string, v view, mine []attempt, counted envelope) {
	for _, a := range mine {
		if a.Number < max(v.current.Number, counted.Number) && a.ID != counted.ID {
			_ = s.remove(ctx, docStem, a.Number) // else a later write trims it
		}
	}
}

// trim removes what nobody needs any more after the write of a number. Failing to is no failure of the write: the next
// one trims again.
func (s *Store) trim(ctx context.Context, docStem string, v view, written uint64) {
	for _, number := range v.numbers {
		if number+keep <= written && s.inTime(v.asked) {
			_ = s.remove(ctx, docStem, number)
		}
	}
}

// clear removes a deleted document's volumes, the tombstone last: until then everybody sees that it is deleted.
func (s *Store) clear(ctx context.Context, docStem string, tombstone envelope) error {
	for {
		v := view{asked: time.Now()}
		doc, err := s.read(ctx, docStem, tombstone.Number)
		if errors.Is(err, hypervisor.ErrNoVolume) || errors.Is(err, errTorn) || err == nil && doc.ID != tombstone.ID {
			return nil // it was cleared away, and the number may be somebody else's by now
		}
		if err != nil {
			return err
		}
		if v.numbers, err = s.numbers(ctx, docStem); err != nil {
			return err
		}
		for _, number := range v.numbers {
			if number > tombstone.Number || !s.inTime(v.asked) {
				break
			}
			if err := s.remove(ctx, docStem, number); err != nil {
				return err
			}
		}
	}
}

// remove deletes one volume; one that is gone already is no error.
func (s *Store) remove(ctx context.Context, docStem string, number uint64) error {
	return gone(whenFree(ctx, func() error { return s.volumes.DeleteVolume(ctx, s.pool, volumeOf(docStem, number)) }))
}

// freeSoon is how often a volume that somebody else is reading is tried again.
const freeSoon = 5 * time.Millisecond

// whenFree repeats what the host refuses while somebody else reads the volume: libvirt neither writes nor deletes it then.
func whenFree(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, hypervisor.ErrOperationInvalid) || pause(ctx, freeSoon) != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
