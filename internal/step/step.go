// Package step does and undoes work on a host: in steps that have names and durations, with an undo
// for each thing that a step leaves behind. It also answers whether a request that failed was
// carried out all the same, on which an undo depends.
package step

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Step is one step of some work, with its duration.
type Step struct {
	Name     string
	Duration time.Duration
}

// Observer is called with every step that ended.
type Observer func(ctx context.Context, step Step, err error)

// UndoTime is how long an undo may take, even if the time for the work is up.
const UndoTime = 2 * time.Minute

// UndoContext returns a context for undoing work that was done with ctx, which may have ended.
func UndoContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), UndoTime)
}

// Work carries out steps and remembers how to undo them. Its user passes the error of the work
// through End, unless what was done is to stay although a later step failed:
//
//	work := step.Begin(observe)
//	err := work.Do(ctx, "disks", func(ctx context.Context) error {
//		work.UndoLater(removeDisks) // also if making them fails halfway
//		return makeDisks(ctx)
//	})
//	return work.End(ctx, err)
type Work struct {
	observe Observer
	steps   []Step
	undos   []func(context.Context) error
	kept    bool
	left    bool
}

// Begin begins some work. observe may be nil.
func Begin(observe Observer) *Work { return &Work{observe: observe} }

// Do runs one step and times it. It does nothing once ctx has ended.
func (w *Work) Do(ctx context.Context, name string, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	started := time.Now()
	err := do(ctx)
	s := Step{Name: name, Duration: time.Since(started)}
	w.steps = append(w.steps, s)
	if w.observe != nil {
		w.observe(ctx, s, err)
	}
	return err
}

// UndoLater remembers how to undo the step that is running, or that just ran.
func (w *Work) UndoLater(undo func(context.Context) error) { w.undos = append(w.undos, undo) }

// Keep makes End leave the work in place, although the work may still fail.
func (w *Work) Keep() { w.kept = true }

// End ends the work, once. If the work failed and Keep was not called, End undoes it in reverse
// order, with extra time, and adds to the error what it could not undo.
func (w *Work) End(ctx context.Context, err error) error {
	if err == nil || w.kept {
		return err
	}
	ctx, cancel := UndoContext(ctx)
	defer cancel()
	errs := []error{err}
	for _, undo := range slices.Backward(w.undos) {
		err := undo(ctx)
		w.left = w.left || err != nil
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Left reports whether End could not undo all that was done.
func (w *Work) Left() bool { return w.left }

// Steps returns the steps that have ended so far.
func (w *Work) Steps() []Step { return slices.Clone(w.steps) }

// Timer times steps that follow each other without a pause.
type Timer struct {
	// Started is when the first step began.
	Started time.Time

	last  time.Time
	steps []Step
}

// NewTimer returns a timer whose first step begins now.
func NewTimer() *Timer {
	at := time.Now()
	return &Timer{Started: at, last: at}
}

// Done names the step that has just ended. If a step is done again, in another attempt, its times
// add up.
func (t *Timer) Done(name string) {
	took := time.Since(t.last)
	t.last = t.last.Add(took)
	for i := range t.steps {
		if t.steps[i].Name == name {
			t.steps[i].Duration += took
			return
		}
	}
	t.steps = append(t.steps, Step{Name: name, Duration: took})
}

// Steps returns the steps so far, in the order in which each was first done.
func (t *Timer) Steps() []Step { return slices.Clone(t.steps) }
