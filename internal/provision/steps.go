package provision

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Step is one step of a provisioning, and how long it took.
type Step struct {
	Name     string
	Duration time.Duration
}

// undoTime is how long undoing may take, whatever became of the time for doing.
const undoTime = 2 * time.Minute

// run carries out the steps of one provisioning and remembers how to undo them.
type run struct {
	instance string
	observe  Observer
	steps    []Step
	undos    []func(context.Context) error
}

// step does one thing, and times it.
func (r *run) step(ctx context.Context, name string, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	started := time.Now()
	err := do(ctx)
	s := Step{Name: name, Duration: time.Since(started)}
	r.steps = append(r.steps, s)
	if r.observe != nil {
		r.observe(ctx, r.instance, s, err)
	}
	return err
}

// undoLater remembers how to undo what was just done.
func (r *run) undoLater(undo func(context.Context) error) { r.undos = append(r.undos, undo) }

// undo undoes in reverse, with time of its own, and adds what could not be undone to the error.
func (r *run) undo(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	errs := []error{cause}
	for _, undo := range slices.Backward(r.undos) {
		errs = append(errs, undo(ctx))
	}
	return errors.Join(errs...)
}
