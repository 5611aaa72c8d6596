// Package requests has the provisioning requests of a tenant, as a catalog keeps them.
package requests

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// New is what the user has in a catalog. open makes sure that the catalog can be used.
func New(
	store catalog.Store, me catalog.Principal, retention catalog.Retention, open func(context.Context) error,
) *Log {
	return &Log{store: store, me: me, retention: retention, open: open}
}

// Log has the provisioning requests of one tenant.
type Log struct {
	store     catalog.Store
	me        catalog.Principal
	open      func(context.Context) error // makes sure that the catalog can be used
	retention catalog.Retention
	ended     atomic.Int64 // requests that this process has written the end of
}

// Begin writes down a request that is about to be worked on, as one of the library's tenant and user, by this
// process. It fills these in. What it returns is for End, also after an error.
func (q *Log) Begin(ctx context.Context, r catalog.ProvisioningRequest) (catalog.Record[catalog.ProvisioningRequest], error) {
	r.ID.Tenant, r.RequestedBy, r.Runner = q.me.Tenant, q.me.User, runner.This()
	rec := catalog.Record[catalog.ProvisioningRequest]{Key: r.ID.String(), Value: r}
	if err := q.open(ctx); err != nil {
		return rec, err
	}
	written, err := q.store.Requests().Create(ctx, rec.Key, r)
	if err == nil {
		rec = written
	}
	return rec, err
}

// End writes down what became of a request that began, with time of its own: also the end of one that was cancelled
// is recorded. Now and then it tidies up among the requests; failing to is no failure.
func (q *Log) End(ctx context.Context, rec catalog.Record[catalog.ProvisioningRequest]) error {
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	if err := q.open(ctx); err != nil {
		return err
	}
	requests := q.store.Requests()
	var err error
	if rec.Revision == "" {
		_, err = requests.Create(ctx, rec.Key, rec.Value)
	} else {
		_, err = requests.Replace(ctx, rec.Key, rec.Revision, rec.Value)
	}
	// Somebody has taken this process for dead, or an answer was lost on the way. Nobody knows better what became of it.
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrExists) {
		_, err = catalog.Change(ctx, requests, rec.Key, func(found *catalog.ProvisioningRequest) error {
			*found = rec.Value
			return nil
		})
	}
	if errors.Is(err, catalog.ErrNotFound) { // it was taken for failed, and was not to be kept
		_, err = requests.Create(ctx, rec.Key, rec.Value)
	}
	if err == nil && (q.ended.Add(1)-1)%tidyEvery == 0 {
		q.tidy(ctx)
	}
	return err
}

// List lists the requests of the library's tenant that the filter chooses, newest first.
func (q *Log) List(ctx context.Context, f catalog.RequestFilter) ([]catalog.ProvisioningRequest, error) {
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	_, settled, err := q.own(ctx)
	return f.Of(settled), err
}

// own reads the requests of the library's tenant: as they are written, by their keys, and as they are by now, newest
// first.
func (q *Log) own(ctx context.Context) (map[string]catalog.Record[catalog.ProvisioningRequest], []catalog.ProvisioningRequest, error) {
	records, err := q.store.Requests().List(ctx, q.me.Tenant+"/")
	if err != nil {
		return nil, nil, err
	}
	written, settled := make(map[string]catalog.Record[catalog.ProvisioningRequest], len(records)), make([]catalog.ProvisioningRequest, len(records))
	for i, rec := range records {
		written[rec.Key] = rec
		now := time.Now()
		if !rec.Value.Status.Over() {
			now = q.whenOverdue(ctx, rec.Value.Deadline)
		}
		settled[i] = rec.Value.Settled(runner.Dead(rec.Value.Runner), now)
	}
	catalog.SortRequests(settled)
	return written, settled, nil
}

// whenOverdue is the time by which to judge the deadline of a request. The catalogue is asked for it only where the deadline
// has passed by this machine's clock: who lists requests may not be allowed to create a volume, and a request that is shown as
// running for too long does no harm.
func (q *Log) whenOverdue(ctx context.Context, deadline time.Time) time.Time {
	here := time.Now()
	if !catalog.Overdue(deadline, here) {
		return here
	}
	now, err := q.store.Now(ctx)
	if err != nil {
		return deadline
	}
	return now
}

const (
	// tidyEvery is after how many requests of one process the retention is looked after again; the first one does.
	tidyEvery = 100
	// tidyTime bounds it. What is left over then is done by the next process.
	tidyTime = 10 * time.Second
)

// tidy notes of requests whose process died that they failed, and removes what the retention does not keep.
// Somebody else may do so at the same time, and all of it can wait: errors are nobody's concern.
func (q *Log) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tidyTime)
	defer cancel()
	written, settled, err := q.own(ctx)
	if err != nil {
		return
	}
	requests := q.store.Requests()
	now, err := q.store.Now(ctx)
	if err != nil {
		return
	}
	expired := q.retention.Expired(settled, now)
	for _, r := range expired {
		rec := written[r.ID.String()]
		if ctx.Err() == nil {
			_ = requests.Delete(ctx, rec.Key, rec.Revision)
		}
		delete(written, rec.Key)
	}
	for _, r := range settled {
		if rec, kept := written[r.ID.String()]; kept && rec.Value.Status != r.Status && ctx.Err() == nil {
			_, _ = requests.Replace(ctx, rec.Key, rec.Revision, r)
		}
	}
}
