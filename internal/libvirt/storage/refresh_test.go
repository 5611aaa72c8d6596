package storage

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestRefreshesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s refreshes
		begun, release := 0, make(chan struct{})
		work := func() error {
			begun++
			<-release
			return nil
		}
		ended := make(chan error, 20)
		ask := func(ctx context.Context, pool string) { go func() { ended <- s.do(ctx, pool, work) }() }
		expect := func(want int, why string) {
			t.Helper()
			if synctest.Wait(); begun != want {
				t.Fatalf("%d refreshes have begun, want %d: %s", begun, want, why)
			}
		}
		ask(t.Context(), "a")
		expect(1, "nobody else asks")
		cancelled, cancel := context.WithCancel(t.Context())
		ask(cancelled, "a")
		synctest.Wait()
		for range 5 {
			ask(t.Context(), "a")
		}
		expect(1, "what they want to see may have come after it began")
		ask(t.Context(), "b")
		expect(2, "another pool is another matter")
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("who is gone gets %v", err)
		}
		synctest.Wait() // until the five share another refresh
		release <- struct{}{}
		release <- struct{}{}
		expect(3, "the five share one, though who was to carry it out is gone")
		close(release)
		for range 7 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if begun != 3 {
			t.Errorf("%d refreshes, want 3", begun)
		}
	})
}

func TestAFailedRefreshFailsForAllWhoShareIt(t *testing.T) {
	var s refreshes
	broken := errors.New("broken")
	if err := s.do(t.Context(), "a", func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := s.do(t.Context(), "a", func() error { return nil }); err != nil {
		t.Errorf("the next one gets %v", err)
	}
}
