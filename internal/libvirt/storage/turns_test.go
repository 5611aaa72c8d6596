package storage

import (
	"context"
	"errors"
	"maps"
	"testing"
	"testing/synctest"
)

// same returns an error as it is.
func same(err error) error { return err }

func TestTurnsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s turns[int]
		begun, release := 0, make(chan struct{})
		work := func() (int, error) {
			begun++
			mine := begun
			<-release
			return mine, nil
		}
		type result struct {
			answer int
			err    error
		}
		ended, answers := make(chan result, 20), map[int]int{}
		ask := func(ctx context.Context, pool string) {
			go func() {
				answer, err := s.do(ctx, pool, same, work)
				ended <- result{answer, err}
			}()
		}
		expect := func(want int, why string) {
			t.Helper()
			if synctest.Wait(); begun != want {
				t.Fatalf("%d turns have begun, want %d: %s", begun, want, why)
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
		if r := <-ended; !errors.Is(r.err, context.Canceled) {
			t.Errorf("who is gone gets %v", r.err)
		}
		synctest.Wait() // until the five share another turn
		release <- struct{}{}
		release <- struct{}{}
		expect(3, "the five share one, though who was to carry it out is gone")
		close(release)
		for range 7 {
			r := <-ended
			if r.err != nil {
				t.Error(r.err)
			}
			answers[r.answer]++
		}
		if begun != 3 {
			t.Errorf("%d turns, want 3", begun)
		}
		if want := map[int]int{1: 1, 2: 1, 3: 5}; !maps.Equal(answers, want) {
			t.Errorf("the turns have answered %v callers, want %v", answers, want)
		}
	})
}

func TestAFailedTurnFailsForAllWhoShareIt(t *testing.T) {
	var s turns[string]
	broken := errors.New("broken")
	if _, err := s.do(t.Context(), "a", same, func() (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	answer, err := s.do(t.Context(), "a", same, func() (string, error) { return "done", nil })
	if err != nil || answer != "done" {
		t.Errorf("the next one gets %q, %v", answer, err)
	}
}
