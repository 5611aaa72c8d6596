package poolstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// claim claims the number after the newest and fills its volume. inTime says that the write counts.
// An attempt with number 0 was withdrawn, or another claim won.
func (w *writer) claim(ctx context.Context, v view, b *batch) (a attempt, inTime bool, err error) {
	docStem := naming.DocumentStem(b.kind, b.key)
	e := envelope{
		Kind:      b.kind,
		Key:       b.key,
		Number:    v.newest() + 1,
		ID:        catalog.Revision(rand.Text()),
		Ancestors: v.current.lineage(),
		Pages:     b.next.pages,
		Deleted:   len(b.next.pages) == 0,
	}
	ctx, cancel := finishing(ctx)
	defer cancel()
	if e.Deleted {
		e.Runner, e.Deadline = w.sign(ctx)
	}
	data, err := seal(e, b.next.body)
	if err != nil {
		return attempt{}, false, err
	}
	data = filled(data)
	spec := host.VolumeSpec{
		Name: naming.Document(docStem, e.Number), Format: "raw", Capacity: claimSize(len(data)),
		Allocation: claimSize(len(data)),
	}
	if e.Deleted {
		spec.Allocation = 0 // a full pool still has room for a name
	}
	_, err = w.pool.volumes.CreateVolume(ctx, w.pool.name, spec)
	crowded := err != nil && !errors.Is(err, host.ErrExists) && !errors.Is(err, host.ErrUnreachable)
	if crowded {
		spec.Allocation = 0
		if _, again := w.pool.volumes.CreateVolume(ctx, w.pool.name, spec); again == nil ||
			errors.Is(again, host.ErrExists) {
			err = again
		}
	}
	if errors.Is(err, host.ErrExists) {
		w.reader.distrust()
		return attempt{}, false, nil
	}
	if err != nil {
		return attempt{}, false, gone(err)
	}
	undisturbed, err := w.undisturbed(ctx, docStem, v, e.Number)
	if err == nil && undisturbed {
		if v.current.Number == 0 && !w.inTime(v.asked) {
			return attempt{e, false, v.asked}, false, nil // the number may belong to another document by now
		}
		if crowded {
			w.makeRoom(ctx, docStem, v)
		}
		err = whenFree(ctx, func() error { return w.pool.volumes.WriteVolume(ctx, w.pool.name, spec.Name, data) })
		if err == nil && spec.Allocation == 0 { // if there was no room, libvirt may say that all was written
			_, err = w.reader.read(ctx, docStem, e.Number)
			if errors.Is(err, errBroken) || errors.Is(err, errTorn) {
				err = fmt.Errorf("%w: volume %q: the pool is full", errTorn, spec.Name)
			}
		}
		if err == nil {
			if inTime = w.inTime(v.asked); inTime {
				w.trim(ctx, docStem, v, e.Number)
			}
			return attempt{e, true, v.asked}, inTime, nil
		}
		if e.Deleted && w.inTime(v.asked) {
			return w.deleteUnder(ctx, docStem, v, e)
		}
	}
	err = gone(err)
	if w.inTime(v.asked) {
		err = errors.Join(err, w.remove(ctx, docStem, e.Number))
	}
	return attempt{}, false, err
}

// undisturbed checks, after the claim of a number, that nothing has happened between the look and
// the claim: the document was not deleted and created again, which would restart the numbers, and
// the volumes that were passed over are still incomplete.
func (w *writer) undisturbed(ctx context.Context, docStem string, v view, claimed uint64) (bool, error) {
	for {
		asked := time.Now()
		same, err := w.same(ctx, docStem, v, claimed)
		if err != nil || !same || w.inTime(asked) {
			return same, err
		}
	}
}

func (w *writer) same(ctx context.Context, docStem string, v view, claimed uint64) (bool, error) {
	numbers, err := w.reader.numbers(ctx, docStem)
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
		doc, err := w.reader.read(ctx, docStem, number)
		missing := errors.Is(err, errTorn) || errors.Is(err, errBroken) || errors.Is(err, host.ErrNoVolume)
		if err != nil && !missing {
			return false, err
		}
		if number == v.current.Number && (missing || doc.ID != v.current.ID) || number > v.current.Number && !missing {
			return false, nil
		}
	}
	return true, nil
}

// inTime reports whether the look was so recent that no process can have given up a claim made
// after it. It also checks the wall clock, because the monotonic clock stands still while a machine
// sleeps.
func (w *writer) inTime(asked time.Time) bool {
	now := time.Now()
	return max(now.Sub(asked), now.Round(0).Sub(asked.Round(0))) < w.pool.grace/2
}
