package poolstore

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// If the process that deletes a document dies, the tombstone stays. The document is gone by then, so
// Terraform forgets the record when it refreshes, and no process would ever write the document
// again. So the next process that reads or deletes the document removes what is left of it. It
// claims the next number with a tombstone of its own, so that only one process removes the volumes.

// sign returns who removes the volumes of a document that is being deleted, and until when. It
// returns nothing if the pool's time is unknown.
func (w *writer) sign(ctx context.Context) (runner string, deadline time.Time) {
	now, err := w.pool.time(ctx)
	if err != nil {
		return "", time.Time{}
	}
	return w.runner, lease.Deadline(ctx, now)
}

// finish removes what is left of a document if the process that deleted it is dead. It returns no
// error: the next reader tries again, and a user who may only read leaves the document to others.
func (w *writer) finish(ctx context.Context, l layout, v view) {
	e := v.current.envelope
	if v.damage != nil || !w.orphaned(ctx, e) {
		return
	}
	docStem := naming.DocumentStem(e.Kind, e.Key)
	if !w.queues.occupy(docStem) {
		return
	}
	b := &batch{layout: l, key: e.Key, open: []*change{w.finishing(ctx, e.Key)}}
	err := w.writeBatch(b)
	w.queues.handOver(docStem)
	b.finish(err)
}

// finishing is the change that writes another tombstone on top of the one of a deleted document.
func (w *writer) finishing(ctx context.Context, document string) *change {
	return &change{ctx: ctx, key: document, finishes: true, outcome: make(chan error, 1)}
}

// orphaned reports whether a document is a tombstone whose writer is dead.
func (w *writer) orphaned(ctx context.Context, e envelope) bool {
	if !e.Deleted || e.Runner == "" {
		return false
	}
	dead, err := lease.Lease{Holder: e.Runner, Deadline: e.Deadline}.Abandoned(ctx, w.pool.time)
	return err == nil && dead
}
