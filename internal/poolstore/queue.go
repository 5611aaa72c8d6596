package poolstore

import (
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Changes of a document's records that arrive while the process is writing that document wait. One
// of the waiting goroutines then writes them all together: a write costs the host as much for one
// record as for a hundred.

// submit makes a change, together with other changes.
func (s *Store) submit(l layout, c *change) error {
	document := l.document(c.key)
	docStem := naming.DocumentStem(l.kind, document)
	if s.enqueue(docStem, c) {
		select {
		case err := <-c.outcome:
			return err
		case <-c.lead:
		case <-c.ctx.Done():
			if s.withdraw(docStem, c) {
				return c.ctx.Err()
			}
			select {
			case err := <-c.outcome:
				return err
			case <-c.lead:
			}
		}
	}
	b := &batch{layout: l, key: document, open: s.take(docStem)}
	err := s.writeBatch(b)
	s.handOver(docStem)
	b.finish(err)
	return <-c.outcome
}

func (s *Store) writeBatch(b *batch) error {
	ctx, cancel := b.context()
	defer cancel()
	written, err := s.write(ctx, b)
	if err == nil && written.Deleted {
		ctx, cancel := finishing(ctx)
		defer cancel()
		err = s.clear(ctx, naming.DocumentStem(b.kind, b.key), written)
	}
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// enqueue queues a change for its document. It returns false if the document has no writer; the
// change's own goroutine writes then.
func (s *Store) enqueue(docStem string, c *change) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, busy := s.queues[docStem]
	s.queues[docStem] = append(s.queues[docStem], c)
	return busy
}

// withdraw takes back a change that no writer has taken. It returns false if one has, or if the
// change is to lead the next batch.
func (s *Store) withdraw(docStem string, c *change) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.queues[docStem], c)
	select {
	case <-c.lead:
		return false
	default:
	}
	if at >= 0 {
		s.queues[docStem] = slices.Delete(s.queues[docStem], at, at+1)
	}
	return at >= 0
}

// take returns the waiting changes in their order, and only the first of each record.
func (s *Store) take(docStem string) []*change {
	s.mu.Lock()
	defer s.mu.Unlock()
	var taken, left []*change
	keys := map[string]bool{}
	for _, c := range s.queues[docStem] {
		if keys[c.key] {
			left = append(left, c)
			continue
		}
		keys[c.key] = true
		taken = append(taken, c)
	}
	s.queues[docStem] = left
	return taken
}

// handOver lets the next waiting change lead, if there is one.
func (s *Store) handOver(docStem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if waiting := s.queues[docStem]; len(waiting) > 0 {
		close(waiting[0].lead)
		return
	}
	delete(s.queues, docStem)
}
