package container

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Error says which condition a container did not meet, and what is known of the reason. It shows what
// the container has written, but never for the record.
type Error struct {
	Instance  string
	Condition string
	Waited    time.Duration
	LastSeen  string // in words of this package
	Said      string // by the container: why it could not start, what its health check printed; "" for nothing
	Log       string // its last lines, "" if there are none
	Final     bool   // more time does not help
}

func (e *Error) Error() string {
	text := e.Kept()
	if e.Said != "" {
		text += ": " + e.Said
	}
	if e.Log != "" {
		text += "\n\nThe end of the container's log:\n" + e.Log
	}
	if e.Final {
		return text
	}
	text += "\n\nRaise timeouts to wait longer; set wait_for to wait for other conditions."
	if e.Condition == kind.WaitCloudInit {
		text += fmt.Sprintf(" For images that cannot report, add %q to it.", kind.NoReport)
	}
	return text
}

// Kept implements kind.Quoting.
func (e *Error) Kept() string {
	return fmt.Sprintf("instance %q was not ready: condition %q was not met after %s; last seen: %s", e.Instance,
		e.Condition, e.Waited.Round(time.Second/10), e.LastSeen)
}

// waiter waits for one container.
type waiter struct {
	driver   *Driver
	instance kind.Instance
	before   kind.Before
	began    time.Time

	steady  time.Time // since when the application was seen running
	starts  int       // how often it was started again by then
	console uint64    // bytes of the log that were searched for a report
	report  string    // what was read of it
}

// sight is what a look at a container shows.
type sight struct {
	state  host.State
	status initd.Status
	known  bool // that there is a status
}

// verdict is what a look means for a condition.
type verdict struct {
	met   bool
	final bool   // it never will be
	seen  string // in words of this package
	said  string // by the container
}

// The time between two looks gets a little longer each time.
const (
	lookFirst = 50 * time.Millisecond
	lookMost  = time.Second
	// steadyTime is how long an application has to be seen running. One that cannot run has mostly ended
	// by then.
	steadyTime = 300 * time.Millisecond
)

// await waits for conditions, one after another. At the first boot of a system, it also waits for the
// report of that, unless the conditions say otherwise.
func (w *waiter) await(ctx context.Context, conditions []string, first bool) error {
	if first && kind.AwaitsReport(conditions) {
		conditions = append(slices.Clip(conditions), kind.WaitCloudInit)
	}
	for _, c := range []struct {
		name  string
		check func(context.Context, sight) verdict
	}{
		{kind.WaitRunning, w.running},
		{kind.WaitIP, w.addressed},
		{kind.WaitHealthy, w.healthy},
		{kind.WaitExited, w.exited},
		{kind.WaitCloudInit, w.configured},
		{kind.WaitAgent, func(context.Context, sight) verdict {
			return verdict{final: true, seen: "a container, which has no guest agent"}
		}},
	} {
		if !slices.Contains(conditions, c.name) {
			continue
		}
		if err := w.until(ctx, c.name, c.check); err != nil {
			return err
		}
	}
	return nil
}

func (w *waiter) until(ctx context.Context, name string, check func(context.Context, sight) verdict) error {
	last := verdict{seen: "nothing"}
	for wait := lookFirst; ; wait = min(wait*5/4, lookMost) {
		now, err := w.look(ctx)
		if err == nil {
			v := check(ctx, now)
			if v.met {
				return nil
			}
			last = v
		} else if ctx.Err() == nil {
			last = verdict{seen: err.Error(), final: errors.Is(err, host.ErrNoDomain)}
		}
		if err := ctx.Err(); err != nil || last.final {
			if errors.Is(err, context.Canceled) {
				return err
			}
			return &Error{
				Instance: w.instance.Facts.Name, Condition: name, Waited: time.Since(w.began), LastSeen: last.seen,
				Said: last.said, Log: w.log(ctx), Final: last.final,
			}
		}
		if name == kind.WaitRunning && !w.steady.IsZero() {
			wait = min(wait, steadyTime/3)
		}
		_ = kind.Pause(ctx, wait) // ctx is looked at above
	}
}

// look looks at the state before the status: a container that is off has written its last status.
func (w *waiter) look(ctx context.Context) (s sight, err error) {
	if s.state, err = w.driver.containers.DomainState(ctx, w.instance.UUID); err != nil {
		return s, err
	}
	s.status, err = w.driver.status(ctx, w.instance)
	if unreported(err) {
		return s, nil
	}
	s.known = err == nil
	if s.known && s.ended() {
		err = w.goesOff(ctx, &s)
	}
	return s, err
}

// endTime is how long a container may take to go off once it has reported its end.
const endTime = 10 * time.Second

// goesOff waits for a container that has reported its end to go off, which takes a moment, so that what
// is read of it next shows it as off. libvirt does not notice the end of some: they are switched off.
func (w *waiter) goesOff(ctx context.Context, s *sight) (err error) {
	for began := time.Now(); s.state == host.StateRunning && time.Since(began) < endTime; {
		if err := kind.Pause(ctx, lookFirst); err != nil {
			return err
		}
		if s.state, err = w.driver.containers.DomainState(ctx, w.instance.UUID); err != nil {
			return err
		}
	}
	if s.state != host.StateRunning {
		return nil
	}
	if err := w.driver.containers.DestroyDomain(ctx, w.instance.UUID); err != nil {
		return err
	}
	s.state = host.StateShutoff
	return nil
}

// ended reports whether the container has reported its end.
func (s sight) ended() bool { return hasEnded(s.status) }

func hasEnded(s initd.Status) bool {
	return s.State == initd.StateExited || s.State == initd.StateFailed
}
