package coalesce

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Questions have answers of their own, and are forgotten together.
func TestEachKeyHasAnAnswerOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAnswers[string, int](time.Minute)
		asked := 0
		wants := func(key string, want int) {
			t.Helper()
			got, err := a.Get(t.Context(), key, func() (int, error) {
				asked++
				return asked, nil
			})
			if got != want || err != nil {
				t.Errorf("%s has the answer %d, %v, want %d", key, got, err, want)
			}
		}
		wants("a", 1)
		wants("b", 2)
		wants("a", 1)
		a.Forget()
		wants("b", 3)
		wants("a", 4)
		time.Sleep(time.Minute + time.Millisecond)
		wants("a", 5)
	})
}

// Calls for one thing run one after another, and those for different things at once.
func TestCallsForDifferentThingsRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls CallsByKey[string, int]
		done := map[string]*atomic.Int64{"a": {}, "b": {}}
		ended := make(chan string)
		call := func(key string) {
			_, err := calls.Do(t.Context(), key, func() (int, error) {
				time.Sleep(time.Second)
				done[key].Add(1)
				return 0, nil
			})
			if err != nil {
				t.Error(err)
			}
			ended <- key
		}
		begun := time.Now()
		for range 3 { // the first makes a call, and the other two share the next one
			go call("a")
			synctest.Wait()
		}
		go call("b")
		for range 4 {
			<-ended
		}
		a, b, took := done["a"].Load(), done["b"].Load(), time.Since(begun)
		if took != 2*time.Second || a != 2 || b != 1 {
			t.Errorf("%d and %d calls took %s", a, b, took)
		}
	})
}
