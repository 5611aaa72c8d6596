package poolstore

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// If the process that deletes a document dies, the tombstone stays. The document is gone by then, so
// Terraform forgets the record when it refreshes, and no process would ever write the document again.
// So the next process that reads the document removes what is left of it. It claims the next number
// with a tombstone of its own, so that only one process removes the volumes.

// sign returns who removes the volumes of a document that is being deleted, and until when. It returns
// nothing if the pool's time is unknown.
func (w *writer) sign(ctx context.Context) (runner string, deadline time.Time) {
	now, err := w.pool.volumes.Time(ctx, w.pool.name)
	if err != nil {
		return "", time.Time{}
	}
	return w.runner, lease.Deadline(ctx, now)
}

// finish removes what is left of a document if the process that deleted it is dead. It returns no
// error: the next reader tries again, and a user who may only read leaves the document to others.
func (w *writer) finish(ctx context.Context, v view) {
	e := v.current.envelope
	if !e.Deleted || e.Runner == "" || v.damage != nil || v.newest() != e.Number {
		return
	}
	docStem := naming.DocumentStem(e.Kind, e.Key)
	if !w.queues.occupy(docStem) {
		return
	}
	defer w.queues.handOver(docStem)
	abandoned, err := lease.Lease{Holder: e.Runner, Deadline: e.Deadline}.Abandoned(ctx,
		func(ctx context.Context) (time.Time, error) { return w.pool.volumes.Time(ctx, w.pool.name) })
	if err != nil || !abandoned {
		return
	}
	tombstone := batch{layout: layout{kind: e.Kind}, key: e.Key}
	if a, inTime, err := w.claim(ctx, v, &tombstone); err == nil && inTime {
		_ = w.clear(ctx, docStem, a.envelope)
	}
}
