package poolstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// takeBack removes a writer's attempts except the one that counted, if a higher number is complete:
// numbers below that are not used again.
func (w *writer) takeBack(ctx context.Context, docStem string, v view, mine []attempt, counted envelope) {
	for _, a := range mine {
		if a.Number < max(v.current.Number, counted.Number) && a.ID != counted.ID {
			_ = w.remove(ctx, docStem, a.Number) // if this fails, a later write trims it
		}
	}
}

// trim removes the revisions that are not needed after the write of a number. The write succeeds
// even if trim fails: the next write trims again.
func (w *writer) trim(ctx context.Context, docStem string, v view, written uint64) {
	for _, number := range v.numbers {
		if number+keep <= written && w.inTime(v.asked) {
			_ = w.remove(ctx, docStem, number)
		}
	}
}

// makeRoom removes the revisions before the newest from a full pool, which frees about as much room
// as the next one takes. The caller has claimed the next one, so no other process changes the
// document while the caller is in time.
func (w *writer) makeRoom(ctx context.Context, docStem string, v view) {
	for _, number := range v.numbers {
		if number < v.current.Number && w.inTime(v.asked) {
			_ = w.remove(ctx, docStem, number) // the write shows whether there is room
		}
	}
}

// clear removes a deleted document's volumes, the tombstone last: until then every reader sees that
// the document is deleted. Only the process that wrote the tombstone may call it: the numbers
// restart once the tombstone is gone, and another process would then remove those of the next
// document of that name. For the same reason clear returns errLate as soon as another process may have
// taken the tombstone for abandoned.
func (w *writer) clear(ctx context.Context, docStem string, tombstone attempt) error {
	ctx, cancel := finishing(ctx)
	defer cancel()
	for {
		doc, err := w.reader.read(ctx, docStem, tombstone.Number)
		incomplete := errors.Is(err, errTorn) || errors.Is(err, errBroken)
		if errors.Is(err, host.ErrNoVolume) || incomplete || err == nil && doc.ID != tombstone.ID {
			return nil // it was cleared away, and the number may belong to another writer by now
		}
		if err != nil {
			return err
		}
		numbers, err := w.reader.numbers(ctx, docStem)
		if err != nil {
			return err
		}
		for _, number := range numbers {
			if number > tombstone.Number {
				break
			}
			if !w.inTime(tombstone.asked) {
				return errLate
			}
			if err := w.remove(ctx, docStem, number); err != nil {
				return err
			}
		}
	}
}

// errLate says that a deleted document has volumes that its process may not remove any more.
var errLate = errors.New("the host has not removed the document in time")

// remove deletes one volume. It is not an error if the volume is gone already.
func (w *writer) remove(ctx context.Context, docStem string, number uint64) error {
	return gone(whenFree(ctx, func() error {
		return w.pool.volumes.DeleteVolume(ctx, w.pool.name, naming.Document(docStem, number))
	}))
}

// freeSoon is how long to wait before a volume that another process reads is tried again.
const freeSoon = 5 * time.Millisecond

// whenFree repeats a request that the host refuses while another process reads the volume: libvirt
// neither writes nor deletes it then.
func whenFree(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, host.ErrOperationInvalid) || pause(ctx, freeSoon) != nil {
			return err
		}
	}
}

// gone ignores a missing volume: another process took the claim for abandoned, and the next look
// shows the outcome.
func gone(err error) error {
	if errors.Is(err, host.ErrNoVolume) {
		return nil
	}
	return err
}

// deleteUnder deletes a document without a tombstone, for which a full pool has no room. The claim
// protects the delete: it keeps all other processes away while the caller is in time.
func (w *writer) deleteUnder(
	ctx context.Context, docStem string, v view, e envelope,
) (a attempt, inTime bool, err error) {
	for _, number := range append(slices.Clone(v.numbers), e.Number) {
		if !w.inTime(v.asked) {
			return attempt{e, false, v.asked}, false, nil
		}
		if err := w.remove(ctx, docStem, number); err != nil {
			return attempt{}, false, err
		}
	}
	return attempt{e, true, v.asked}, true, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
