package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// fake runs an application that ends by itself or by signals, in the time of synctest.
type fake struct {
	mu      sync.Mutex
	t0      time.Time
	events  []string
	lives   []life // one a start; the last is repeated
	starts  int
	current *fakeProcess
	checks  func(at time.Duration) (took time.Duration, code int)
	status  initd.Status
	states  []initd.State
	flushed bool // since the last start, or what was said
}

// life is what an application does after a start.
type life struct {
	lasts  time.Duration // 0: until it gets a signal
	code   int
	deaf   bool // to signals
	broken error
}

type fakeProcess struct {
	f      *fake
	life   life
	exited chan initd.Exit
	once   sync.Once
}

func (p *fakeProcess) Exited() <-chan initd.Exit { return p.exited }

func (p *fakeProcess) Signal(number int) {
	p.f.note("signal %d", number)
	if !p.life.deaf {
		p.end(128 + number)
	}
}

func (p *fakeProcess) end(code int) {
	p.once.Do(func() { p.exited <- initd.Exit{Code: code, At: time.Now()} })
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, fmt.Sprintf("%v ", time.Since(f.t0))+fmt.Sprintf(format, args...))
}

func (f *fake) Start() (Process, error) {
	l := f.lives[min(f.starts, len(f.lives)-1)]
	f.starts++
	f.flush(false)
	f.note("start")
	if l.broken != nil {
		return nil, l.broken
	}
	p := &fakeProcess{f: f, life: l, exited: make(chan initd.Exit, 1)}
	f.current = p
	if l.lasts > 0 {
		time.AfterFunc(l.lasts, func() { p.end(l.code) })
	}
	return p, nil
}

func (f *fake) KillAll() { f.note("kill all"); f.current.end(137) }

func (f *fake) Check(ctx context.Context) (code int, output string) {
	took, code := f.checks(time.Since(f.t0))
	select {
	case <-time.After(took):
		return code, fmt.Sprintf("code %d", code)
	case <-ctx.Done():
		return 137, "late"
	}
}

func (f *fake) flush(all bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.flushed = all
}

func (f *fake) report(change func(*initd.Status)) (now initd.State, flushed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
	if len(f.states) == 0 || f.states[len(f.states)-1] != f.status.State {
		f.states = append(f.states, f.status.State)
	}
	return f.status.State, f.flushed
}

// run supervises in the time of synctest, and stops after a time, if it is not 0.
func (f *fake) run(t *testing.T, a Application, stop time.Duration, signals <-chan int) int {
	t.Helper()
	f.t0 = time.Now()
	a.Runner, a.Say = f, func(string, ...any) { f.flush(false) }
	a.Flush = func() { f.flush(true) }
	a.Report = func(change func(*initd.Status)) {
		if state, flushed := f.report(change); !flushed && (state == initd.StateExited || state == initd.StateFailed) {
			t.Errorf("it is %s before the log has everything", state)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if stop > 0 {
		time.AfterFunc(stop, cancel)
	}
	return a.Run(ctx, signals)
}

func TestRestartsWaitLongerAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lives: []life{{lasts: time.Millisecond, code: 1}}}
		code := f.run(t, Application{Restart: initd.RestartOnFailure}, 200*time.Second, nil)
		var pauses []time.Duration
		var last time.Duration
		for i, e := range f.events {
			var word string
			var at string
			if _, err := fmt.Sscan(e, &at, &word); err != nil || word != "start" {
				continue
			}
			now, err := time.ParseDuration(at)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				pauses = append(pauses, now-last-time.Millisecond)
			}
			last = now
		}
		ms := time.Millisecond
		want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms,
			25600 * ms,
			30000 * ms, 30000 * ms, 30000 * ms, 30000 * ms}
		if !slices.Equal(pauses, want) {
			t.Errorf("the pauses are %v", pauses)
		}
		if code != 1 || f.status.State != initd.StateExited || f.status.Restarts != len(want) ||
			f.status.Exit.Code != 1 {
			t.Errorf("it ended with %d, %+v", code, f.status)
		}
	})
}

func TestAnApplicationThatRanForAWhileRestartsAtOnce(t *testing.T) {
	var delays backoff
	got := []time.Duration{delays.next(0), delays.next(time.Second), delays.next(calm - 1), delays.next(calm),
		delays.next(0)}
	ms := time.Millisecond
	if want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 100 * ms, 200 * ms}; !slices.Equal(got, want) {
		t.Errorf("it waits %v", got)
	}
}

func TestPolicies(t *testing.T) {
	for _, c := range []struct {
		restart initd.Restart
		code    int
		starts  int
	}{
		{"", 1, 1}, {initd.RestartNo, 1, 1}, {initd.RestartNo, 0, 1}, {initd.RestartOnFailure, 0, 1},
		{initd.RestartOnFailure, 1, 2}, {initd.RestartOnFailure, 137, 2}, {initd.RestartAlways, 0, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{lives: []life{{lasts: time.Second, code: c.code}, {}}}
			f.run(t, Application{Restart: c.restart, Stop: initd.Stop{Timeout: 1000}}, time.Minute, nil)
			if f.starts != c.starts {
				t.Errorf("%q with code %d: %d starts", c.restart, c.code, f.starts)
			}
		})
	}
}

func TestStop(t *testing.T) {
	for name, c := range map[string]struct {
		life   life
		stop   initd.Stop
		events []string
		code   int
	}{
		"at once": {life{}, initd.Stop{Timeout: 5000}, []string{"0s start", "1m0s signal 15", "1m0s kill all"}, 143},
		"by another": {life{}, initd.Stop{Signal: 3, Timeout: 5000},
			[]string{"0s start", "1m0s signal 3", "1m0s kill all"}, 131},
		"by force": {life{deaf: true}, initd.Stop{Timeout: 5000},
			[]string{"0s start", "1m0s signal 15", "1m5s kill all", "1m5s kill all"}, 137},
		"not waiting": {life{deaf: true}, initd.Stop{},
			[]string{"0s start", "1m0s signal 15", "1m0s kill all", "1m0s kill all"}, 137},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{lives: []life{c.life}}
				code := f.run(t, Application{Restart: initd.RestartAlways, Stop: c.stop}, time.Minute, nil)
				if !slices.Equal(f.events, c.events) || code != c.code {
					t.Errorf("%q, code %d", f.events, code)
				}
				if want := []initd.State{"running", "stopping", "exited"}; !slices.Equal(f.states, want) {
					t.Errorf("the states are %v", f.states)
				}
			})
		})
	}
	t.Run("while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{lives: []life{{lasts: time.Second}}}
			code := f.run(t, Application{Restart: initd.RestartAlways}, 1050*time.Millisecond, nil)
			if code != 0 || f.starts != 1 || time.Since(f.t0) != 1050*time.Millisecond ||
				f.status.State != initd.StateExited {
				t.Errorf("code %d, %d starts, after %v: %+v", code, f.starts, time.Since(f.t0), f.status)
			}
		})
	})
}

func TestSignalsArePassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lives: []life{{deaf: true, lasts: 3 * time.Second}, {}}}
		signals := make(chan int)
		go func() {
			for _, number := range []int{10, 12, 1} {
				time.Sleep(1500 * time.Millisecond) // of synctest; the second finds no application
				signals <- number
			}
		}()
		f.run(t, Application{Restart: initd.RestartAlways}, 5*time.Second, signals)
		want := []string{"0s start", "1.5s signal 10", "3s kill all", "3.1s start", "4.5s signal 1", "4.5s kill all"}
		got := slices.DeleteFunc(slices.Clone(f.events), func(e string) bool { return e == "3s signal 12" })
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("%q", f.events)
		}
	})
}

func TestAnApplicationThatCannotStartIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lives: []life{{broken: errors.New("no such file")}}}
		code := f.run(t, Application{Restart: initd.RestartAlways}, 0, nil)
		if code != 127 || f.starts != 1 || f.status.State != initd.StateFailed ||
			f.status.Error.Message != "no such file" {
			t.Errorf("code %d, %d starts, %+v", code, f.starts, f.status)
		}
	})
}

func TestHealthOfAnApplication(t *testing.T) {
	config := &initd.Health{Interval: 5000, Timeout: 3000, Retries: 3, StartPeriod: 10_000}
	well := func(from, until time.Duration) func(time.Duration) (time.Duration, int) {
		return func(at time.Duration) (time.Duration, int) {
			if at >= from && at < until {
				return time.Millisecond, 0
			}
			return time.Millisecond, 1
		}
	}
	for name, c := range map[string]struct {
		checks func(time.Duration) (time.Duration, int)
		at     time.Duration
		want   initd.HealthStatus
	}{
		"well at once": {well(0, time.Hour), 10 * time.Millisecond,
			initd.HealthStatus{State: "healthy", Output: "code 0"}},
		"well soon": {well(350*time.Millisecond, time.Hour), 800 * time.Millisecond,
			initd.HealthStatus{State: "healthy", Output: "code 0"}},
		"starting": {well(time.Hour, time.Hour), 14 * time.Second,
			initd.HealthStatus{State: "starting", Code: 1, Output: "code 1"}},
		"starting for too long": {well(time.Hour, time.Hour), 24 * time.Second,
			initd.HealthStatus{State: "starting", Failures: 2, Code: 1, Output: "code 1"}},
		"never well": {well(time.Hour, time.Hour), 26 * time.Second,
			initd.HealthStatus{State: "unhealthy", Failures: 3, Code: 1, Output: "code 1"}},
		"ill for a moment": {well(0, 29*time.Second), 36 * time.Second,
			initd.HealthStatus{State: "healthy", Failures: 2, Code: 1, Output: "code 1"}},
		"ill": {well(0, 29*time.Second), 41 * time.Second,
			initd.HealthStatus{State: "unhealthy", Failures: 3, Code: 1, Output: "code 1"}},
		"ill in its start period": {well(0, 4*time.Second), 16 * time.Second,
			initd.HealthStatus{State: "unhealthy", Failures: 3, Code: 1, Output: "code 1"}},
		"hanging": {func(time.Duration) (time.Duration, int) { return time.Hour, 0 }, 40 * time.Second,
			initd.HealthStatus{State: "unhealthy", Failures: 3, Code: 137, Output: "late"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{lives: []life{{}}, checks: c.checks}
				done := make(chan struct{})
				go func() {
					defer close(done)
					f.run(t, Application{Health: config, Stop: initd.Stop{Timeout: 1000}}, c.at, nil)
				}()
				<-done
				if f.status.Health == nil || *f.status.Health != c.want {
					t.Errorf("after %v: %+v", c.at, f.status.Health)
				}
			})
		})
	}
}

func TestHealthBeginsAnewWithARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{lives: []life{{lasts: 30 * time.Second, code: 1}, {}},
			checks: func(at time.Duration) (time.Duration, int) {
				if at < 20*time.Second || at > 31*time.Second {
					return 0, 0
				}
				return 0, 1
			}}
		config := &initd.Health{Interval: 1000, Timeout: 500, Retries: 2}
		f.run(t, Application{Health: config, Restart: initd.RestartAlways}, 30150*time.Millisecond, nil)
		if h := f.status.Health; h.State != initd.HealthStarting || h.Failures != 0 {
			t.Errorf("it is %+v", h)
		}
	})
}
