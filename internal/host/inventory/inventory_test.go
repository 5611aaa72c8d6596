package inventory

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
)

// questions are all questions to an inventory.
func questions(i *Inventory) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Info":           func(ctx context.Context) error { _, err := i.Info(ctx); return err },
		"Self":           func(ctx context.Context) error { _, err := i.Self(ctx); return err },
		"Networks":       func(ctx context.Context) error { _, err := i.Networks(ctx); return err },
		"Interfaces":     func(ctx context.Context) error { _, err := i.Interfaces(ctx); return err },
		"NetworkFilters": func(ctx context.Context) error { _, err := i.NetworkFilters(ctx); return err },
		"Pools":          func(ctx context.Context) error { _, err := i.Pools(ctx); return err },
		"PoolUUIDs":      func(ctx context.Context) error { _, err := i.PoolUUIDs(ctx); return err },
		"PCIDevices":     func(ctx context.Context) error { _, err := i.PCIDevices(ctx); return err },
		"Firmwares":      func(ctx context.Context) error { _, err := i.Firmwares(ctx, "qemu"); return err },
	}
}

// The host is asked each question once, even by many concurrent callers, and asked again after an
// error.
func TestEachQuestionIsAskedOnce(t *testing.T) {
	h := fakehost.New()
	for method := range questions(nil) {
		ask, asked := questions(New(h))[method], 0
		h.Inject = func(c fakehost.Call) fakehost.Fault {
			if c.Method != method {
				t.Errorf("%s asks for %s", method, c.Method)
			}
			if asked++; asked == 1 {
				return fakehost.Fault{Before: host.ErrNoAnswer}
			}
			return fakehost.Fault{}
		}
		if err := ask(t.Context()); !errors.Is(err, host.ErrNoAnswer) {
			t.Errorf("%s: %v", method, err)
		}
		var callers errgroup.Group
		for range 8 {
			callers.Go(func() error { return ask(t.Context()) })
		}
		if err := callers.Wait(); err != nil || asked != 2 {
			t.Errorf("%s was asked %d times, %v", method, asked, err)
		}
	}
}

// What the host says of itself in Info is not asked for again.
func TestAKnownHostNeedsNotSayWhoItIs(t *testing.T) {
	h := fakehost.New()
	i := New(h)
	info, err := i.Info(t.Context())
	self, again := i.Self(t.Context())
	if err != nil || again != nil || self != (host.Self{Hostname: info.Hostname, UUID: info.UUID}) || h.Calls() != 1 {
		t.Errorf("it is %+v, by %d requests: %v, %v", self, h.Calls(), err, again)
	}
}

// slowHost takes a while to describe itself.
type slowHost struct {
	*fakehost.Host
	asked int
}

const slowness = 40 * time.Second

func (h *slowHost) Info(ctx context.Context) (host.Info, error) {
	h.asked++ // one caller asks at a time
	select {
	case <-time.After(slowness):
		return h.Host.Info(ctx)
	case <-ctx.Done():
		return host.Info{}, &host.Error{Op: "reading", Object: "host information", Err: ctx.Err()}
	}
}

// A libvirtd that has just started is slow. A caller that cannot wait so long fails alone, whether
// it asks or waits for the one that asks.
func TestCallersWaitForASlowHostAsLongAsTheyCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &slowHost{Host: fakehost.New()}
		i := New(h)
		type outcome struct {
			err  error
			took time.Duration
		}
		within := func(limit time.Duration) <-chan outcome {
			ended := make(chan outcome, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				begun := time.Now()
				_, err := i.Info(ctx)
				ended <- outcome{err, time.Since(begun)}
			}()
			synctest.Wait()
			return ended
		}
		leader := within(slowness / 2)
		hurried := within(slowness / 4)
		var patient []<-chan outcome
		for range 10 {
			patient = append(patient, within(time.Hour))
		}
		if got := <-leader; !errors.Is(got.err, context.DeadlineExceeded) || got.took != slowness/2 {
			t.Errorf("the caller that asked first ended after %s with %v", got.took, got.err)
		}
		if got := <-hurried; !errors.Is(got.err, host.ErrNoAnswer) || !errors.As(got.err, new(*host.Error)) ||
			got.took != slowness/4 {
			t.Errorf("a caller with little time ended after %s with %v", got.took, got.err)
		}
		for _, ended := range patient {
			if got := <-ended; got.err != nil || got.took != slowness/2+slowness {
				t.Errorf("a caller with much time ended after %s with %v", got.took, got.err)
			}
		}
		if h.asked != 2 {
			t.Errorf("the host was asked %d times", h.asked)
		}
	})
}

func TestForgottenPoolsAreAskedForAgain(t *testing.T) {
	ctx, h := t.Context(), fakehost.New()
	i := New(h)
	names := func() (names []string) {
		pools, err := i.Pools(ctx)
		uuids, more := i.PoolUUIDs(ctx)
		if err := errors.Join(err, more); err != nil || len(pools) != len(uuids) {
			t.Errorf("%d pools have %d UUIDs, %v", len(pools), len(uuids), err)
		}
		for _, p := range pools {
			names = append(names, p.Name)
		}
		return names
	}
	for _, pool := range []string{"a", "b"} {
		if _, err := h.CreateDirPool(ctx, pool, "/"+pool); err != nil {
			t.Fatal(err)
		}
		if pool == "a" {
			names()
		}
	}
	if got := names(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("it has %q before it forgets", got)
	}
	i.ForgetPools()
	i.ForgetPoolUUIDs()
	if got := names(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("it has %q after it forgot", got)
	}
}

func TestFirmwaresAreThoseOfATypeOfDomain(t *testing.T) {
	h := fakehost.New()
	i := New(h)
	var asked []string
	h.Inject = func(c fakehost.Call) fakehost.Fault {
		asked = append(asked, c.Object)
		return fakehost.Fault{}
	}
	for _, domainType := range []string{"qemu", "kvm", "qemu", "kvm"} {
		if _, err := i.Firmwares(t.Context(), domainType); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(asked, []string{"qemu", "kvm"}) {
		t.Errorf("asked for those of %q", asked)
	}
}
