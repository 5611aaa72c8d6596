package poolstore

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Changes of a document's records that arrive while the process is writing that document wait. One
// of the waiting goroutines then writes them all together: a write costs the host as much for one
// record as for a hundred.

// queues are the changes that wait, by their document's stem. A document that is not being written
// has no entry.
type queues struct {
	mu      sync.Mutex
	waiting map[string][]*change
}

// submit makes a change, together with other changes. All changes of a document have the same rule.
func (w *writer) submit(l layout, r rule, c *change) error {
	document := l.document(c.key)
	docStem := naming.DocumentStem(l.kind, document)
	if w.queues.enqueue(docStem, c) {
		select {
		case err := <-c.outcome:
			return err
		case <-c.lead:
		case <-c.ctx.Done():
			if w.queues.withdraw(docStem, c) {
				return c.ctx.Err()
			}
			select {
			case err := <-c.outcome:
				return err
			case <-c.lead:
			}
		}
	}
	b := &batch{layout: l, rule: r, key: document, open: w.queues.take(docStem)}
	err := w.writeBatch(b)
	w.queues.handOver(docStem)
	b.finish(err)
	return <-c.outcome
}

func (w *writer) writeBatch(b *batch) error {
	ctx, cancel := b.context()
	defer cancel()
	written, err := w.write(ctx, b)
	if err == nil && written.Deleted {
		err = w.clear(ctx, naming.DocumentStem(b.kind, b.key), written)
	}
	for late := 0; errors.Is(err, errLate); late++ {
		if late == maxAttempts {
			return nil // the document is deleted, and what is left of it goes once this process has ended
		}
		err = w.clearAgain(ctx, b)
	}
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// clearAgain removes what is left of a document that this process has deleted, by another tombstone.
func (w *writer) clearAgain(ctx context.Context, b *batch) error {
	next := &batch{layout: b.layout, key: b.key, open: []*change{w.finishing(ctx, b.key)}}
	written, err := w.write(ctx, next)
	if err == nil && written.Deleted {
		err = w.clear(ctx, naming.DocumentStem(b.kind, b.key), written)
	}
	return err
}

// occupy makes the caller the writer of a document, until handOver. It returns false if the document
// has a writer.
func (q *queues) occupy(docStem string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, busy := q.waiting[docStem]
	if !busy {
		q.waiting[docStem] = nil
	}
	return !busy
}

// enqueue queues a change for its document. It returns false if the document has no writer; the
// change's own goroutine writes then.
func (q *queues) enqueue(docStem string, c *change) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, busy := q.waiting[docStem]
	q.waiting[docStem] = append(q.waiting[docStem], c)
	return busy
}

// withdraw takes back a change that no writer has taken. It returns false if one has, or if the
// change is to lead the next batch.
func (q *queues) withdraw(docStem string, c *change) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.Index(q.waiting[docStem], c)
	select {
	case <-c.lead:
		return false
	default:
	}
	if at >= 0 {
		q.waiting[docStem] = slices.Delete(q.waiting[docStem], at, at+1)
	}
	return at >= 0
}

// take returns the waiting changes in their order, and only the first of each record.
func (q *queues) take(docStem string) []*change {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken, left []*change
	keys := map[string]bool{}
	for _, c := range q.waiting[docStem] {
		if keys[c.key] {
			left = append(left, c)
			continue
		}
		keys[c.key] = true
		taken = append(taken, c)
	}
	q.waiting[docStem] = left
	return taken
}

// handOver lets the next waiting change lead, if there is one.
func (q *queues) handOver(docStem string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if waiting := q.waiting[docStem]; len(waiting) > 0 {
		close(waiting[0].lead)
		return
	}
	delete(q.waiting, docStem)
}
