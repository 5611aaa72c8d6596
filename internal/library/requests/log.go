// Package requests keeps the provisioning requests of a tenant in a catalog.
package requests

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// New returns the log of the user's requests in a catalog. open makes sure that the catalog can be
// used.
func New(
	store catalog.Store, me catalog.Principal, retention catalog.Retention, open func(context.Context) error,
) *Log {
	q := &Log{store: store, me: me, retention: retention, open: open}
	q.tidying, q.stopTidying = context.WithCancel(context.Background())
	q.Aside = q.running.Go
	q.group = catalog.RequestGroup(store, q.newID().String())
	return q
}

// Log has the provisioning requests of one tenant.
type Log struct {
	store     catalog.Store
	me        catalog.Principal
	open      func(context.Context) error // makes sure that the catalog can be used
	retention catalog.Retention
	group     string       // of this process's requests; see catalog.RequestGroup
	ended     atomic.Int64 // requests that this process has written the end of

	tidying     context.Context //nolint:containedctx // of what runs until the end of the process
	stopTidying context.CancelFunc
	running     sync.WaitGroup
	// Aside tidies in the background; tests do so at once.
	Aside func(tidy func())
}

// Entry is a request with its record in the catalog.
type Entry = catalog.Record[catalog.ProvisioningRequest]

// New is the entry of a request that this process, as the library's tenant and user, works on. It
// fills in these three, and the ID. Nothing is written yet.
func (q *Log) New(r catalog.ProvisioningRequest) Entry {
	r.RequestedBy, r.Runner = q.me.User, lease.This()
	for r.ID = q.newID(); catalog.RequestGroup(q.store, r.ID.String()) != q.group; { // they end together
		r.ID = q.newID()
	}
	return Entry{Key: r.ID.String(), Value: r}
}

func (q *Log) newID() catalog.RequestID {
	return catalog.RequestID{Tenant: q.me.Tenant, ID: rand.Text()}
}

// Begin writes a request down before the work on it, so that others see it meanwhile, and see that
// it failed if this process dies. Its result is for End, also after an error. Short work does
// without: see Lost.
func (q *Log) Begin(ctx context.Context, e Entry) (Entry, error) {
	if err := q.open(ctx); err != nil {
		return e, err
	}
	written, err := q.store.Requests().Create(ctx, e.Key, e.Value)
	if err == nil {
		e = written
	}
	return e, err
}

// Lost writes down a request of the library's tenant whose process died before it had written the
// request down: as failed, unless the request says that it was completed. It does nothing if the
// request is written down already.
func (q *Log) Lost(ctx context.Context, r catalog.ProvisioningRequest) error {
	if r.ID.Tenant != q.me.Tenant {
		return nil // whose log this user may not be allowed to write
	}
	if err := q.open(ctx); err != nil {
		return err
	}
	_, err := q.store.Requests().Create(ctx, r.ID.String(), r.Concluded(true))
	if errors.Is(err, catalog.ErrExists) {
		return nil
	}
	return err
}

// End writes down the outcome of a request. It has its own time limit, so that the end of a
// cancelled request is recorded too. Now and then it begins to tidy up among the requests; see Finish.
func (q *Log) End(ctx context.Context, rec Entry) error {
	began := time.Now()
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
		q.tidyLater(time.Since(began))
	}
	return err
}

// tidyLater tidies in the background, or at once if the end of a request took so long that the end
// of the process would leave no time for it.
func (q *Log) tidyLater(took time.Duration) {
	if took > tidyBeside {
		q.tidy(q.tidying)
		return
	}
	q.Aside(func() { q.tidy(q.tidying) })
}

// Finish waits until the log is tidy, and gives up what has not begun shortly before ctx ends: the
// next process does that. It is called at the end of a process, and the log is not used any more.
func (q *Log) Finish(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		q.running.Wait()
		close(done)
	}()
	patient, cancel := context.WithCancel(ctx)
	defer cancel()
	if end, bounded := ctx.Deadline(); bounded {
		patient, cancel = context.WithDeadline(ctx, end.Add(-tidyBeside))
		defer cancel()
	}
	select {
	case <-done:
		return
	case <-patient.Done():
	}
	q.stopTidying()
	select {
	case <-done:
	case <-ctx.Done():
	}
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
	// tidyBeside is how long the end of a request may take for the log to be tidied beside other work.
	// The end of a process leaves a change that has begun as much time.
	tidyBeside = 500 * time.Millisecond
	// tidyWidth is how many requests are removed or changed at once. Those of one document are written
	// together.
	tidyWidth = 512
	// spareShare is which share of all requests must have expired before they are removed: each removal
	// costs about the same however many there are. So a tenth more may be kept.
	spareShare = 10
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
	var changes errgroup.Group
	changes.SetLimit(tidyWidth)
	expired := q.retention.Expired(concluded, now)
	if len(expired) >= len(concluded)/spareShare {
		for _, r := range expired {
			rec := written[r.ID.String()]
			delete(written, rec.Key)
			if ctx.Err() == nil {
				changes.Go(func() error { return requests.Delete(ctx, rec.Key, rec.Revision) })
			}
		}
	}
	for _, r := range concluded {
		if rec, kept := written[r.ID.String()]; kept && rec.Value.Status != r.Status && ctx.Err() == nil {
			changes.Go(func() error {
				_, err := requests.Replace(ctx, rec.Key, rec.Revision, r)
				return err
			})
		}
	}
	_ = changes.Wait()
}
