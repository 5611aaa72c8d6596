// Package requests keeps the provisioning requests of a tenant in a catalog.
package requests

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// New returns the log of the user's requests in a catalog. open makes sure that the catalog can be
// used.
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

// Begin writes down a request that this process, as the library's tenant and user, is about to work
// on. It fills in these three. Its result is for End, also after an error.
func (q *Log) Begin(
	ctx context.Context, r catalog.ProvisioningRequest,
) (catalog.Record[catalog.ProvisioningRequest], error) {
	r.ID.Tenant, r.RequestedBy, r.Runner = q.me.Tenant, q.me.User, lease.This()
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

// End writes down the outcome of a request that began. It has its own time limit, so that the end
// of a cancelled request is recorded too. Now and then it tidies up among the requests; a failure
// of that is not an error.
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
	// Another process took this one for dead, or an answer was lost on the way. This process knows
	// the outcome best.
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

// List lists the requests of the library's tenant that the filter selects, newest first.
func (q *Log) List(ctx context.Context, f catalog.RequestFilter) ([]catalog.ProvisioningRequest, error) {
	if err := q.open(ctx); err != nil {
		return nil, err
	}
	_, concluded, err := q.own(ctx)
	return f.Of(concluded), err
}

// own reads the requests of the library's tenant, newest first: as they are written, by their keys,
// and as they stand by now.
func (q *Log) own(
	ctx context.Context,
) (map[string]catalog.Record[catalog.ProvisioningRequest], []catalog.ProvisioningRequest, error) {
	records, err := q.store.Requests().List(ctx, q.me.Tenant+"/")
	if err != nil {
		return nil, nil, err
	}
	written, concluded := make(map[string]catalog.Record[catalog.ProvisioningRequest], len(records)),
		make([]catalog.ProvisioningRequest, len(records))
	for i, rec := range records {
		written[rec.Key] = rec
		concluded[i] = rec.Value.Concluded(q.abandoned(ctx, rec.Value))
	}
	catalog.SortRequests(concluded)
	return written, concluded, nil
}

// abandoned reports whether the process that worked on a request is dead. It asks the catalog for
// the time only if the deadline has passed by this machine's clock: a user who lists requests may
// not be allowed to create a volume, and showing a request as running for too long does no harm.
func (q *Log) abandoned(ctx context.Context, r catalog.ProvisioningRequest) bool {
	if r.Status.Over() || !r.Lease().Ended(time.Now()) {
		return false
	}
	abandoned, err := r.Lease().Abandoned(ctx, q.store.Now)
	return err == nil && abandoned
}

const (
	// tidyEvery is after how many requests of one process the retention is applied again; the first
	// request applies it.
	tidyEvery = 100
	// tidyTime limits the time for that. The next process does what is left over.
	tidyTime = 10 * time.Second
)

// tidy marks requests whose process died as failed, and removes those that the retention does not
// keep. Another process may do so at the same time, and all of it can wait, so errors are ignored.
func (q *Log) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tidyTime)
	defer cancel()
	written, concluded, err := q.own(ctx)
	if err != nil {
		return
	}
	requests := q.store.Requests()
	now, err := q.store.Now(ctx)
	if err != nil {
		return
	}
	expired := q.retention.Expired(concluded, now)
	for _, r := range expired {
		rec := written[r.ID.String()]
		if ctx.Err() == nil {
			_ = requests.Delete(ctx, rec.Key, rec.Revision)
		}
		delete(written, rec.Key)
	}
	for _, r := range concluded {
		if rec, kept := written[r.ID.String()]; kept && rec.Value.Status != r.Status && ctx.Err() == nil {
			_, _ = requests.Replace(ctx, rec.Key, rec.Revision, r)
		}
	}
}
