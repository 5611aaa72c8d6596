package requests

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// store is a catalog whose clock is ahead of this machine's.
type store struct {
	*poolstore.Store
	ahead time.Duration
}

func (s store) Now(context.Context) (time.Time, error) { return time.Now().Add(s.ahead), nil }

func newLog(t *testing.T, ahead time.Duration) (store, *Log) {
	t.Helper()
	h := fakehost.New()
	if _, err := h.CreateDirPool(t.Context(), "pool", "/pool"); err != nil {
		t.Fatal(err)
	}
	s := store{poolstore.New(h, "pool"), ahead}
	return s, New(s, catalog.Principal{Tenant: "shop", User: "ann"}, catalog.Retention{}, func(context.Context) error {
		return nil
	})
}

// The end of a request is recorded even if another process has taken it for failed and removed it
// meanwhile.
func TestTheEndOfARequestOutlivesRetention(t *testing.T) {
	ctx := t.Context()
	s, log := newLog(t, 0)
	rec, err := log.Begin(ctx, catalog.ProvisioningRequest{
		ID:        catalog.RequestID{ID: "r1"},
		Instance:  "web",
		Status:    catalog.RequestRunning,
		CreatedAt: time.Now(),
		Deadline:  time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Requests().Delete(ctx, rec.Key, rec.Revision); err != nil {
		t.Fatal(err)
	}
	rec.Value.Status = catalog.RequestCompleted
	if err := log.End(ctx, rec); err != nil {
		t.Error(err)
	}
	listed, err := log.List(ctx, catalog.RequestFilter{})
	if err != nil || len(listed) != 1 || listed[0].Status != catalog.RequestCompleted {
		t.Errorf("listed: %+v, %v", listed, err)
	}
}

// timeless is a catalog whose clock must not be asked.
type timeless struct {
	store
	t *testing.T
}

func (s timeless) Now(context.Context) (time.Time, error) {
	s.t.Error("the catalog was asked for the time")
	return time.Time{}, errors.New("no time")
}

// A user who lists requests may not be allowed what reading the catalog's clock takes.
func TestARequestOfADeadProcessHasFailedWhateverTheTime(t *testing.T) {
	ctx := t.Context()
	s, log := newLog(t, 0)
	log.store = timeless{s, t}
	for id, c := range map[string]struct {
		runner string
		want   catalog.RequestStatus
	}{
		"dead":  {leasetest.Dead(t), catalog.RequestFailed},
		"alive": {lease.This(), catalog.RequestRunning},
	} {
		running := catalog.ProvisioningRequest{
			ID:        catalog.RequestID{Tenant: "shop", ID: id},
			Instance:  id,
			Status:    catalog.RequestRunning,
			Runner:    c.runner,
			CreatedAt: time.Now(),
			Deadline:  time.Now().Add(time.Hour),
		}
		if _, err := s.Requests().Create(ctx, running.ID.String(), running); err != nil {
			t.Fatal(err)
		}
		listed, err := log.List(ctx, catalog.RequestFilter{Instance: id})
		if err != nil || len(listed) != 1 || listed[0].Status != c.want {
			t.Errorf("the request of a process that is %s is listed as %+v, %v, want %s", id, listed, err, c.want)
		}
	}
}

// Deadlines are judged by the catalog's clock: this machine's may be ahead of it or behind.
func TestAWrongClockEndsNoRequest(t *testing.T) {
	for _, ahead := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			ctx := t.Context()
			s, log := newLog(t, ahead)
			now, _ := s.Now(ctx)
			status := func(id string, deadline time.Time) catalog.RequestStatus {
				t.Helper()
				running := catalog.ProvisioningRequest{
					ID:        catalog.RequestID{Tenant: "shop", ID: id},
					Status:    catalog.RequestRunning,
					Runner:    "elsewhere/4711/m/b/1-1/99",
					CreatedAt: now,
					Deadline:  deadline,
				}
				if _, err := s.Requests().Create(ctx, running.ID.String(), running); err != nil {
					t.Fatal(err)
				}
				log.tidy(ctx)
				kept, err := s.Requests().Get(ctx, running.ID.String())
				if err != nil {
					t.Fatal(err)
				}
				return kept.Value.Status
			}
			if got := status("r1", now.Add(time.Minute)); got != catalog.RequestRunning {
				t.Errorf("a request that is being worked on elsewhere was written down as %s", got)
			}
			if ahead > 0 {
				return // by this machine's clock there is still time, and then the catalog is not asked
			}
			if got := status("r2", now.Add(-lease.Slack-time.Minute)); got != catalog.RequestFailed {
				t.Errorf("a request whose deadline has passed was written down as %s", got)
			}
		})
	}
}
