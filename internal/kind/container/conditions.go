package container

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

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
	if v, is := off(s); is && !s.known {
		return v
	}
	if !s.known { // the log may be that of an earlier start
		return verdict{seen: doing(s)}
	}
	data, err := w.driver.host.ReadVolumeAt(ctx, w.driver.volumes.Pool(), w.logName(), w.console, logChunk)
	if err != nil {
		return verdict{seen: err.Error()}
	}
	w.console += uint64(len(data))
	w.report += kind.Printable(data)
	if failure, reported := guest.Report(w.report, w.instance.UUID); reported {
		if failure == "" {
			return verdict{met: true}
		}
		return verdict{final: true, seen: "a report of the container", said: failure}
	}
	w.report = w.report[max(0, len(w.report)-logTail):]
	if v, is := off(s); is { // it may have reported, and then switched itself off
		return v
	}
	return verdict{seen: "no report on the container's console of what cloud-init has done"}
}
