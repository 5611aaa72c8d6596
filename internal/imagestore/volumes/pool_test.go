package volumes

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
)

// inMemory returns the pool "images" of a host in memory.
func inMemory(t *testing.T) (*Pool, *fakehost.Host) {
	t.Helper()
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "images", "/images"))
	return New(h, "images"), h
}

// failing makes each request of that method fail in this way.
func failing(h *fakehost.Host, method string, fault fakehost.Fault) {
	h.Inject = func(c fakehost.Call) fakehost.Fault {
		if c.Method == method {
			return fault
		}
		return fakehost.Fault{}
	}
}

func TestOnlyTheDefaultPoolIsCreated(t *testing.T) {
	h := fakehost.New()
	p := New(h, DefaultPool)
	if err := p.Check(t.Context()); err != nil || p.Opened() {
		t.Errorf("before anything is registered: %v, opened: %t", err, p.Opened())
	}
	if _, err := h.Pool(t.Context(), DefaultPool); !errors.Is(err, host.ErrNoPool) {
		t.Errorf("a check left %v", err)
	}
	if err := p.Open(t.Context()); err != nil || !p.Opened() {
		t.Errorf("opening it: %v, opened: %t", err, p.Opened())
	}
	must.Get[host.Pool](t)(h.Pool(t.Context(), DefaultPool))
	calls := h.Calls()
	if err := errors.Join(p.Open(t.Context()), p.Check(t.Context())); err != nil || h.Calls() != calls {
		t.Errorf("once it is open: %v, %d more requests", err, h.Calls()-calls)
	}

	other := New(h, "other")
	for name, err := range map[string]error{"Open": other.Open(t.Context()), "Check": other.Check(t.Context())} {
		missing, is := errors.AsType[*MissingPoolError](err)
		if !is || !strings.Contains(missing.Error(), DefaultPool) {
			t.Errorf("%s of a pool that does not exist: %v, want the pools that do", name, err)
		}
	}
}

func TestAPoolHasToBeActive(t *testing.T) {
	p, h := inMemory(t)
	h.StopPool("images")
	for name, err := range map[string]error{"Open": p.Open(t.Context()), "Check": p.Check(t.Context())} {
		found, is := errors.AsType[finding.List](err)
		if !is || found[0].Path.String() != "pool" || !strings.Contains(err.Error(), "virsh pool-start images") {
			t.Errorf("%s: %v, want a finding that says how to start the pool", name, err)
		}
	}
	if _, err := p.CheckRoom(t.Context(), 1); !errors.Is(err, host.ErrPoolInactive) {
		t.Errorf("its room: %v", err)
	}
	if err := p.DeleteVolume(t.Context(), "v"); !errors.Is(err, host.ErrPoolInactive) {
		t.Errorf("deleting a volume, which may exist: %v", err)
	}
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "images", "/images"))
	if err := p.Open(t.Context()); err != nil {
		t.Errorf("once it is active: %v", err)
	}
}

// A process that creates the pool defines it before it starts it. Another process that sees that
// waits for the first one.
func TestAPoolThatIsBeingCreatedIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakehost.New()
		p := New(h, DefaultPool)
		h.BeginPool(DefaultPool, p.path)
		time.AfterFunc(creationTime/2, func() { _, _ = h.CreateDirPool(context.Background(), DefaultPool, p.path) })
		if err := p.Open(t.Context()); err != nil || !p.Opened() {
			t.Errorf("opening it: %v, opened: %t", err, p.Opened())
		}
	})
}

// A pool that stays unfinished may be one that its administrator has not started yet. A caller who
// gives up learns what it waited for.
func TestAPoolThatWasNotStartedStaysSo(t *testing.T) {
	for _, c := range []struct{ name, path string }{
		{"images", "/images"}, {DefaultPool, "/elsewhere"}, {DefaultPool, New(fakehost.New(), DefaultPool).path},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := fakehost.New()
			h.BeginPool(c.name, c.path)
			p := New(h, c.name)
			for what, err := range map[string]error{"Open": p.Open(t.Context()), "Check": p.Check(t.Context())} {
				if _, is := errors.AsType[finding.List](err); !is {
					t.Errorf("%s of pool %s at %s: %v, want a finding", what, c.name, c.path, err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), creationTime/2+creationPoll/2)
			defer cancel()
			if err := p.Open(ctx); p.path == c.path && (!errors.Is(err, context.DeadlineExceeded) ||
				!strings.Contains(err.Error(), "waiting until another process has created pool")) {
				t.Errorf("without enough time: %v", err)
			}
			if pool := must.Get[host.Pool](t)(h.Pool(t.Context(), c.name)); pool.Active {
				t.Errorf("pool %s at %s was started", c.name, c.path)
			}
		})
	}
}

// If the host creates the pool and its answer is lost, the next use finds the pool.
func TestAPoolIsOpenOnceTheHostHasSaidSo(t *testing.T) {
	h := fakehost.New()
	p := New(h, DefaultPool)
	failing(h, "CreateDirPool", fakehost.Fault{After: host.ErrNoAnswer})
	if err := p.Open(t.Context()); !errors.Is(err, host.ErrNoAnswer) || p.Opened() {
		t.Errorf("without an answer: %v, opened: %t", err, p.Opened())
	}
	if err := p.Open(t.Context()); err != nil || !p.Opened() {
		t.Errorf("once more: %v, opened: %t", err, p.Opened())
	}
}
