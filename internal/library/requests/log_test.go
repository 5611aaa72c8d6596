package requests

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/lease/leasetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// store is a catalog whose clock is ahead of this machine's.
type store struct {
	*poolstore.Store
	host  *fakehost.Host
	ahead time.Duration
}

func (s store) Now(context.Context) (time.Time, error) { return time.Now().Add(s.ahead), nil }

func newLog(t *testing.T, ahead time.Duration) (store, *Log) {
	t.Helper()
	h := fakehost.New()
	if _, err := h.CreateDirPool(t.Context(), "pool", "/pool"); err != nil {
		t.Fatal(err)
	}
	s := store{poolstore.New(h, "pool"), h, ahead}
	return s, New(s, catalog.Principal{Tenant: "shop", User: "ann"}, catalog.Retention{}, func(context.Context) error {
		return nil
	})
}

// running is a request for an instance that is being worked on.
func running(instance string) catalog.ProvisioningRequest {
	return catalog.ProvisioningRequest{
		Instance: instance, Status: catalog.RequestRunning, CreatedAt: time.Now(), Deadline: time.Now(),
	}
}

// The end of a request is recorded even if another process has taken it for failed and removed it
// meanwhile.
func TestTheEndOfARequestOutlivesRetention(t *testing.T) {
	ctx := t.Context()
	s, log := newLog(t, 0)
	rec, err := log.Begin(ctx, log.New(running("web")))
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

// Requests that end together are written together, so those of one process are in one document.
func TestRequestsOfOneProcessAreInOneDocument(t *testing.T) {
	s, log := newLog(t, 0)
	for range 8 {
		if _, err := log.Begin(t.Context(), log.New(running("web"))); err != nil {
			t.Fatal(err)
		}
	}
	names, err := s.host.VolumeNames(t.Context(), "pool")
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]bool{}
	for _, name := range names {
		if stem, _, is := naming.ParseDocument(name); is {
			documents[stem] = true
		}
	}
	if len(documents) != 1 {
		t.Errorf("they are in the documents %v", documents)
	}
}

// Expired requests are removed together, once they are a tenth of all, and at once if there are few.
func TestExpiredRequestsAreRemovedTogether(t *testing.T) {
	for _, c := range []struct{ count, expired, left int }{{20, 1, 21}, {20, 2, 20}, {3, 1, 3}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			ctx := t.Context()
			s, log := newLog(t, 0)
			log.retention.Count = c.count
			for n := range c.count + c.expired {
				r := running(fmt.Sprint(n))
				r.Status, r.CreatedAt = catalog.RequestCompleted, r.CreatedAt.Add(time.Duration(n)*time.Second)
				if _, err := log.Begin(ctx, log.New(r)); err != nil {
					t.Fatal(err)
				}
			}
			writes := 0
			s.host.Inject = func(call fakehost.Call) fakehost.Fault {
				if call.Method == "WriteVolume" {
					writes++
				}
				return fakehost.Fault{}
			}
			log.tidy(ctx)
			s.host.Inject = nil
			left, err := log.List(ctx, catalog.RequestFilter{})
			if err != nil || len(left) != c.left || writes > 2 {
				t.Errorf("%d are left, want %d, after %d writes; %v", len(left), c.left, writes, err)
			}
		})
	}
}

// A request that is recorded already is not recorded again as lost.
func TestALostRequestIsRecordedOnce(t *testing.T) {
	ctx := t.Context()
	_, log := newLog(t, 0)
	e := log.New(running("web"))
	e.Value.Status = catalog.RequestCompleted
	if err := log.End(ctx, e); err != nil {
		t.Fatal(err)
	}
	again, lost, other := e.Value, running("db"), running("theirs")
	again.Status, lost.ID, other.ID = catalog.RequestRunning, catalog.RequestID{Tenant: "shop", ID: "L"},
		catalog.RequestID{Tenant: "other", ID: "L"}
	for _, r := range []catalog.ProvisioningRequest{again, lost, lost, other} {
		if err := log.Lost(ctx, r); err != nil {
			t.Errorf("%s: %v", r.Instance, err)
		}
	}
	listed, err := log.List(ctx, catalog.RequestFilter{})
	got := map[string]catalog.RequestStatus{}
	for _, r := range listed {
		got[r.Instance] = r.Status
	}
	want := map[string]catalog.RequestStatus{"web": catalog.RequestCompleted, "db": catalog.RequestFailed}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("recorded are %v, %v, want %v", got, err, want)
	}
}

// Only the end of the process waits until the log is tidy.
func TestTheLogIsTidiedBesideOtherWork(t *testing.T) {
	ctx := t.Context()
	s, log := newLog(t, 0)
	lost := running("lost")
	lost.ID, lost.Runner = catalog.RequestID{Tenant: "shop", ID: "L"}, leasetest.Dead(t)
	if _, err := s.Requests().Create(ctx, lost.ID.String(), lost); err != nil {
		t.Fatal(err)
	}
	e := log.New(running("web"))
	e.Value.Status = catalog.RequestCompleted
	// Tidying reads the document of the lost request, and the end of the other request does not unless
	// both are in one: then it reads it before it is written.
	ended, written := make(chan struct{}), false
	s.host.Inject = func(call fakehost.Call) fakehost.Fault {
		switch {
		case call.Method == "WriteVolume":
			written = true
		case call.Method == "ReadVolume" && written:
			<-ended
		}
		return fakehost.Fault{}
	}
	if err := log.End(ctx, e); err != nil {
		t.Fatal(err)
	}
	close(ended)
	log.Finish(ctx)
	s.host.Inject = nil
	if kept, err := s.Requests().Get(ctx, lost.ID.String()); err != nil || kept.Value.Status != catalog.RequestFailed {
		t.Errorf("the request of a dead process is written down as %s, %v", kept.Value.Status, err)
	}
}

// What has not begun shortly before the end of the process is left to the next one.
func TestTheEndOfTheProcessStopsTidying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newLog(t, 0)
		lost := running("lost")
		lost.ID, lost.Runner = catalog.RequestID{Tenant: "shop", ID: "L"}, leasetest.Dead(t)
		if _, err := s.Requests().Create(t.Context(), lost.ID.String(), lost); err != nil {
			t.Fatal(err)
		}
		s.host.Inject = func(call fakehost.Call) fakehost.Fault {
			if call.Method == "VolumeNames" {
				time.Sleep(time.Second)
			}
			return fakehost.Fault{}
		}
		log.tidyLater(0)
		ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
		defer cancel()
		log.Finish(ctx)
		s.host.Inject = nil
		synctest.Wait()
		kept, err := s.Requests().Get(t.Context(), lost.ID.String())
		if err != nil || kept.Value.Status != catalog.RequestRunning {
			t.Errorf("the request was changed to %s at the end of the process, %v", kept.Value.Status, err)
		}
	})
}
