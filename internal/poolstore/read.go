package poolstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// document is one complete write.
type document struct {
	envelope
	body []byte
}

// volume names the volume that the document was read from.
func (d document) volume() string {
	return naming.Document(naming.DocumentStem(d.Kind, d.Key), d.Number)
}

// view is a document's volumes as they were at one moment.
type view struct {
	asked   time.Time // the time before the look
	numbers []uint64  // all volumes, complete or not, ascending
	current document  // the newest complete one, tombstones included; its Number is 0 for none
	damage  error     // *damagedError if newer ones than current are damaged: it lacks what they had
}

// newest is the number of the newest volume, complete or not.
func (v view) newest() uint64 {
	if len(v.numbers) == 0 {
		return 0
	}
	return v.numbers[len(v.numbers)-1]
}

// reader reads the documents of one pool.
type reader struct {
	pool *pool

	volumes atomic.Int64 // how many the pool had when it was listed last

	mu        sync.Mutex
	refreshed time.Time           // when the host's view of the pool was refreshed last
	broken    map[string][32]byte // volumes that were damaged for the grace time, with the SHA-256 of their contents
}

// look reads a document. It returns *damagedError if the document has complete volumes and none can
// be read. It passes over incomplete volumes and never waits for them. That a document or record is
// missing must be certain, because the caller then forgets a record or creates another one. So if
// there is no document, or the document lacks the record, look refreshes the pool before it
// answers.
func (r *reader) look(ctx context.Context, docStem string, lacks func(document) (bool, error)) (view, error) {
	for certain := false; ; {
		v := view{asked: time.Now()}
		var err error
		if v.numbers, err = r.numbers(ctx, docStem); err != nil {
			return v, err
		}
		var vanished bool
		if v.current, v.damage, vanished, err = r.newestAmong(ctx, docStem, v.numbers); err != nil {
			return v, err
		}
		lacking := len(v.numbers) == 0
		if lacks != nil && !vanished && !lacking {
			if lacking, err = lacks(v.current); err != nil {
				return v, err
			}
		}
		if !vanished && (certain || !lacking) {
			return v, nil
		}
		if lacking {
			r.distrust()
			certain = true
		}
	}
}

// numbers lists the numbers of a document's volumes, complete or not, in ascending order.
func (r *reader) numbers(ctx context.Context, docStem string) ([]uint64, error) {
	names, err := r.names(ctx)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		if other, number, ok := naming.ParseDocument(name); ok && other == docStem {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// newestAmong reads the newest complete one of the numbers, tombstones included, or returns the
// zero document if none is complete. damage says that newer ones are damaged; it is the error if no
// other one is complete. vanished says that one has gone since they were listed: then a newer one
// may have appeared, too.
func (r *reader) newestAmong(
	ctx context.Context, docStem string, numbers []uint64,
) (doc document, damage error, vanished bool, err error) {
	var broken []*brokenVolume
	for _, number := range slices.Backward(numbers) {
		doc, err := r.readSurely(ctx, docStem, number)
		if b, is := errors.AsType[*brokenVolume](err); is {
			broken = append(broken, b)
			continue
		}
		// The revision before this one exists, so no newer one was ever complete: see trim. A newer volume
		// without a mark is a claim.
		if err == nil && slices.Contains(numbers, number-1) {
			broken = slices.DeleteFunc(broken, func(b *brokenVolume) bool { return b.unmarked })
		}
		switch {
		case err == nil && len(broken) > 0:
			return doc, r.damage(broken, doc.volume()), false, nil
		case err == nil:
			return doc, nil, false, nil
		case errors.Is(err, host.ErrNoVolume):
			return document{}, nil, true, nil
		case !errors.Is(err, errTorn):
			return document{}, nil, false, err
		}
	}
	if len(broken) > 0 {
		return document{}, nil, false, r.damage(broken, "")
	}
	return document{}, nil, false, nil
}

// read reads one volume. It returns errTorn if the volume is incomplete, *brokenVolume if it is
// damaged, and host.ErrNoVolume if it is gone.
func (r *reader) read(ctx context.Context, docStem string, number uint64) (document, error) {
	name := naming.Document(docStem, number)
	data, err := r.pool.volumes.ReadVolume(ctx, r.pool.name, name, maxDocument)
	if errors.Is(err, host.ErrOperationInvalid) { // the host is creating it right now
		return document{}, fmt.Errorf("%w: %w", errTorn, err)
	}
	if err != nil {
		return document{}, r.explainUnreadable(ctx, name, err)
	}
	e, body, err := unseal(data)
	if err == nil && (naming.DocumentStem(e.Kind, e.Key) != docStem || e.Number != number) {
		err = fmt.Errorf("%w: it is a copy of %q", errBroken, document{envelope: e}.volume())
	}
	if errors.Is(err, errBroken) {
		err = &brokenVolume{name: name, sum: sha256.Sum256(data), unmarked: unmarked(data), why: err}
	} else if err != nil {
		err = fmt.Errorf("volume %q: %w", name, err)
	}
	if err != nil {
		return document{}, err
	}
	return document{e, body}, nil
}

// explainUnreadable reports whether a volume cannot be read because another daemon has removed it,
// which this host's daemon notices only at the next refresh.
func (r *reader) explainUnreadable(ctx context.Context, name string, err error) error {
	if errors.Is(err, host.ErrNoVolume) || errors.Is(err, host.ErrUnreachable) || ctx.Err() != nil {
		return err
	}
	r.distrust()
	if names, listErr := r.names(ctx); listErr == nil && !slices.Contains(names, name) {
		return fmt.Errorf("%w: %w", host.ErrNoVolume, err)
	}
	return err
}

// newest is like look for a document that was listed with those numbers. It looks at the pool again
// only if one of them has gone.
func (r *reader) newest(ctx context.Context, docStem string, numbers []uint64) (v view, err error) {
	slices.Sort(numbers)
	v = view{asked: time.Now(), numbers: numbers}
	var vanished bool
	v.current, v.damage, vanished, err = r.newestAmong(ctx, docStem, numbers)
	if err == nil && vanished {
		return r.look(ctx, docStem, nil)
	}
	return v, err
}
