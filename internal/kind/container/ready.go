package container

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
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
	return text + "\n\nRaise timeouts to wait longer; set wait_for to wait for other conditions."
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

// await waits for conditions, one after another.
func (w *waiter) await(ctx context.Context, conditions []string) error {
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
func (s sight) ended() bool {
	return s.status.State == initd.StateExited || s.status.State == initd.StateFailed
}

// off judges a container that is off, or has reported its end: that is not what is waited for, unless
// it is.
func off(s sight) (v verdict, is bool) {
	if s.state != host.StateShutoff && s.state != host.StateCrashed && (!s.known || !s.ended()) {
		return v, false
	}
	v.final = true
	switch {
	case s.known && s.status.State == initd.StateFailed:
		v.seen = "the container could not be started"
		if s.status.Error != nil {
			v.said = s.status.Error.Message
		}
	case s.known && s.status.State == initd.StateExited && s.status.Exit != nil:
		v.seen = "the application has " + ending(*s.status.Exit)
	case s.known:
		v.seen = "the container was switched off, or ended by the host, while it was " + string(s.status.State)
	default:
		v.seen = "the container is off, and has reported nothing"
	}
	if h := s.status.Health; s.known && h != nil && h.State != initd.HealthHealthy && h.Output != "" {
		v.said = strings.TrimSpace(v.said + " The health check printed: " + strings.TrimSpace(h.Output))
	}
	return v, true
}

// ending says how an application has ended.
func ending(e initd.Exit) string {
	if e.Signal > 0 {
		return fmt.Sprintf("ended by signal %d (exit code %d)", e.Signal, e.Code)
	}
	return fmt.Sprintf("exited with code %d", e.Code)
}

// doing says what a container that is up does.
func doing(s sight) string {
	if !s.known {
		return "the container has not reported anything"
	}
	text := "the container is " + string(s.status.State)
	if s.status.Exit != nil {
		text += fmt.Sprintf(", its application has %s, and was started again %d times", ending(*s.status.Exit),
			s.status.Restarts)
	}
	return text
}

func (w *waiter) running(_ context.Context, s sight) verdict {
	if v, is := off(s); is {
		if s.known && done(s.status) { // a job that is complete
			return verdict{met: true}
		}
		return v
	}
	system := noteOf(w.instance).System
	if !s.known || s.status.State != initd.StateRunning || s.status.Restarts != w.starts {
		w.steady, w.starts = time.Time{}, s.status.Restarts
	}
	if s.known && s.status.State == initd.StateRunning {
		if w.steady.IsZero() {
			w.steady = time.Now()
		}
		if system || time.Since(w.steady) >= steadyTime {
			return verdict{met: true}
		}
	}
	return verdict{seen: doing(s)}
}

func (w *waiter) healthy(_ context.Context, s sight) verdict {
	if v, is := off(s); is {
		return v
	}
	if !s.known || s.status.Health == nil {
		if s.known && s.status.State == initd.StateRunning {
			return verdict{final: true, seen: "an application without a health check"}
		}
		return verdict{seen: doing(s)}
	}
	h := s.status.Health
	if h.State == initd.HealthHealthy && s.status.State == initd.StateRunning {
		return verdict{met: true}
	}
	v := verdict{seen: doing(s) + ", and its health check has not run yet"}
	if h.Failures > 0 {
		v.seen = fmt.Sprintf("%s, and its health check is %s: it has failed %d times in a row, the last time with "+
			"code %d", doing(s), h.State, h.Failures, h.Code)
		v.said = strings.TrimSpace(h.Output)
	}
	return v
}

func (w *waiter) exited(_ context.Context, s sight) verdict {
	v, is := off(s)
	if !is {
		return verdict{seen: doing(s)}
	}
	if s.known && s.status.State == initd.StateExited && s.status.Exit != nil && s.status.Exit.Code == 0 {
		return verdict{met: true}
	}
	return v
}

func (w *waiter) addressed(ctx context.Context, s sight) verdict {
	if v, is := off(s); is {
		return v
	}
	if noteOf(w.instance).System {
		return w.leased(ctx)
	}
	if len(addresses(s.status, w.instance.NICs)) > 0 {
		return verdict{met: true}
	}
	v := verdict{seen: doing(s) + ", and no interface has an address"}
	for _, link := range s.status.Interfaces {
		if link.Error != "" {
			v.seen = fmt.Sprintf("%s; interface %q: %s", v.seen, link.Name, link.Error)
		}
	}
	return v
}

// leased judges a system by the host's DHCP server, and by what its interfaces are to have.
func (w *waiter) leased(ctx context.Context) verdict {
	leases, err := w.driver.networks.LeasesBefore(ctx, w.instance.NICs)
	if err != nil {
		return verdict{seen: err.Error()}
	}
	for _, now := range leases {
		if !slices.Contains(w.before.Leases, now) {
			return verdict{met: true}
		}
	}
	for _, nic := range w.instance.NICs {
		if nic.IP.Static() {
			return verdict{met: true}
		}
	}
	return verdict{seen: "no DHCP lease since the container was started"}
}

// configured judges a system by what it has reported on its console.
func (w *waiter) configured(ctx context.Context, s sight) verdict {
	if v, is := off(s); is {
		return v
	}
	data, err := w.driver.host.ReadVolumeAt(ctx, w.driver.volumes.Pool(), w.logName(), w.console, logChunk)
	if err != nil {
		return verdict{seen: err.Error()}
	}
	w.console += uint64(len(data))
	w.report += string(data)
	if failure, reported := guest.Report(w.report, w.instance.UUID); reported {
		if failure == "" {
			return verdict{met: true}
		}
		return verdict{final: true, seen: "a report of the container", said: failure}
	}
	w.report = w.report[max(0, len(w.report)-logTail):]
	return verdict{seen: "no report on the container's console of what cloud-init has done"}
}

const (
	logChunk = 1 << 20  // bytes that one look reads
	logTail  = 64 << 10 // bytes that the last lines are taken from
	logLines = 20
)

func (w *waiter) logName() string {
	return naming.Log(w.instance.Facts.Tenant, w.instance.Facts.Name)
}

// log is the end of what the container has written, if that can be read.
func (w *waiter) log(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	pool, name := w.driver.volumes.Pool(), w.logName()
	// The host does not know how much a container has written until it looks.
	if err := w.driver.host.RefreshPool(ctx, pool); err != nil {
		return ""
	}
	volume, err := w.driver.host.Volume(ctx, pool, name)
	if err != nil {
		return ""
	}
	size := cmp.Or(volume.Physical, volume.Capacity)
	var from uint64
	if size > logTail {
		from = size - logTail
	}
	data, err := w.driver.host.ReadVolumeAt(ctx, pool, name, from, logTail)
	if err != nil {
		return ""
	}
	return lastLines(string(data))
}

// lastLines are the last lines of a log, as a terminal can show them.
func lastLines(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (r < ' ' || r == 0x7f) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-logLines):], "\n")
}
