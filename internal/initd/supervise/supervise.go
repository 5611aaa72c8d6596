// Package supervise keeps an application running: it starts it, restarts it as its policy says,
// checks its health and stops it. How that is done on the machine is a Runner's.
package supervise

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

const (
	// firstDelay, longestDelay and calm are how long a restart waits: the first 100 ms, then twice as
	// long each time, until the application has run for a while.
	firstDelay   = 100 * time.Millisecond
	longestDelay = 30 * time.Second
	calm         = 10 * time.Second

	// cannotStart is the exit code of a container whose application was not executed, as shells have
	// it.
	cannotStart = 127
	// sigterm is SIGTERM on Linux, on whichever system this is tested.
	sigterm = 15
)

// Runner runs the programs of one container.
type Runner interface {
	// Start executes the application, and returns once it is executed. The error says why it could
	// not be.
	Start() (Process, error)
	// Check runs the health check, which ends with ctx. It returns its exit code, and the end of its
	// output or why it has none.
	Check(ctx context.Context) (code int, output string)
	// KillAll ends all processes of the container, and returns when they are gone.
	KillAll()
}

// Process is an application that runs.
type Process interface {
	// Exited receives once, when it has exited.
	Exited() <-chan initd.Exit
	// Signal sends it a signal. It does nothing for an application that has exited.
	Signal(number int)
}

// Application is what to supervise, and how.
type Application struct {
	Runner  Runner
	Restart initd.Restart
	Stop    initd.Stop
	Health  *initd.Health // nil for none
	// Report changes the status.
	Report func(func(*initd.Status))
	// Say writes a line to the log.
	Say func(format string, args ...any)
	// Flush waits until the log has what was said and printed, unless that takes too long.
	Flush func()
}

// Run keeps the application running until it is not to be restarted, cannot be started, or ctx ends,
// which stops it. It passes signals on, and returns the exit code of the container.
func (a *Application) Run(ctx context.Context, signals <-chan int) int {
	var delays backoff
	for restarts := 0; ; restarts++ {
		process, err := a.Runner.Start()
		if err != nil {
			a.Say("%v", err)
			a.end(func(s *initd.Status) {
				s.State, s.Error = initd.StateFailed, &initd.Failure{Code: initd.FailedStart, Message: err.Error()}
			})
			return cannotStart
		}
		a.Report(func(s *initd.Status) { s.State, s.Restarts = initd.StateRunning, restarts })
		started := time.Now()
		exit := a.watch(ctx, process, signals)
		a.Runner.KillAll() // what it has left behind, before another one starts
		if stopped := ctx.Err() != nil; stopped || !a.again(exit) {
			a.end(func(s *initd.Status) { s.State, s.Exit, s.Stopped = initd.StateExited, &exit, stopped })
			return exit.Code
		}
		delay := delays.next(time.Since(started))
		a.Say("the application ended with code %d, and starts again in %v", exit.Code, delay)
		a.Report(func(s *initd.Status) { s.State, s.Exit = initd.StateWaiting, &exit })
		if !wait(ctx, delay, signals) {
			a.end(func(s *initd.Status) { s.State, s.Stopped = initd.StateExited, true })
			return exit.Code
		}
	}
}

// end reports that the container has ended. A host that reads this reads the log next.
func (a *Application) end(report func(*initd.Status)) {
	a.Flush()
	a.Report(report)
}

func (a *Application) again(exit initd.Exit) bool {
	return a.Restart == initd.RestartAlways || a.Restart == initd.RestartOnFailure && exit.Code != 0
}

// wait returns false if ctx ended. There is no application that signals could be passed on to.
func wait(ctx context.Context, delay time.Duration, signals <-chan int) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return false
		case <-signals:
		}
	}
}

// watch returns how the application exited. When ctx ends, it stops it.
func (a *Application) watch(ctx context.Context, process Process, signals <-chan int) initd.Exit {
	checking, end := context.WithCancel(ctx)
	checked := make(chan struct{})
	go func() {
		defer close(checked)
		a.check(checking)
	}()
	defer func() {
		end()
		<-checked // its report must not follow that of the next start
	}()
	for {
		select {
		case exit := <-process.Exited():
			return exit
		case number := <-signals:
			process.Signal(number)
		case <-ctx.Done():
			return a.stop(process, signals)
		}
	}
}

// stop asks the application to end, and ends it if it does not.
func (a *Application) stop(process Process, signals <-chan int) initd.Exit {
	a.Report(func(s *initd.Status) { s.State = initd.StateStopping })
	number := a.Stop.Signal
	if number == 0 {
		number = sigterm
	}
	process.Signal(number)
	timer := time.NewTimer(time.Duration(a.Stop.Timeout) * time.Millisecond)
	defer timer.Stop()
	for {
		select {
		case exit := <-process.Exited():
			return exit
		case number := <-signals:
			process.Signal(number)
		case <-timer.C:
			a.Say("the application has not stopped within %d ms, and is killed", a.Stop.Timeout)
			a.Runner.KillAll()
		}
	}
}

// backoff says how long a restart waits.
type backoff struct{ last time.Duration }

// next takes how long the application ran.
func (b *backoff) next(ran time.Duration) time.Duration {
	switch {
	case b.last == 0 || ran >= calm:
		b.last = firstDelay
	default:
		b.last = min(2*b.last, longestDelay)
	}
	return b.last
}
