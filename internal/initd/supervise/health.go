package supervise

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// firstProbe is how soon a check follows one that failed, while the application is starting. Each
// further pause is twice as long, up to the interval.
const firstProbe = 100 * time.Millisecond

// check checks the health of an application that was just started, until ctx ends.
func (a *Application) check(ctx context.Context) {
	if a.Health == nil {
		return
	}
	h := newHealth(*a.Health, time.Now())
	a.Report(func(s *initd.Status) { s.Health = h.status() })
	for {
		within, cancel := context.WithTimeout(ctx, millis(a.Health.Timeout))
		code, output := a.Runner.Check(within)
		cancel()
		if ctx.Err() != nil {
			return // the application has ended, and the check with it
		}
		pause := h.checked(time.Now(), code, output)
		a.Report(func(s *initd.Status) { s.Health = h.status() })
		if !wait(ctx, pause, nil) {
			return
		}
	}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// health follows the results of checks. The first check runs at once, and those after it soon, so
// that a quick application is found healthy quickly. As in container engines, failures count from
// the end of the start period on, once an interval.
type health struct {
	config   initd.Health
	now      initd.HealthStatus
	everWell bool
	counts   time.Time // when the next failure counts
	pause    time.Duration
}

func newHealth(config initd.Health, started time.Time) *health {
	return &health{
		config: config,
		now:    initd.HealthStatus{State: initd.HealthStarting},
		counts: started.Add(millis(config.StartPeriod) + millis(config.Interval)),
		pause:  min(firstProbe, millis(config.Interval)),
	}
}

func (h *health) status() *initd.HealthStatus {
	now := h.now
	return &now
}

// checked takes the result of a check that ended at a time, and returns the pause until the next.
func (h *health) checked(at time.Time, code int, output string) time.Duration {
	interval := millis(h.config.Interval)
	h.now.Code, h.now.Output = code, output
	if code == 0 {
		h.now.State, h.now.Failures, h.everWell = initd.HealthHealthy, 0, true
		return interval
	}
	if h.everWell || !at.Before(h.counts) {
		h.now.Failures++
		h.counts = at.Add(interval)
	}
	if h.now.Failures >= h.config.Retries {
		h.now.State = initd.HealthUnhealthy
	}
	if h.everWell {
		return interval
	}
	pause := h.pause
	h.pause = min(2*h.pause, interval)
	if until := h.counts.Sub(at); until > 0 { // a failure counts no later than it has to
		pause = min(pause, until)
	}
	return pause
}
