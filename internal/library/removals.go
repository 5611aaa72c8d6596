package library

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Terraform does not order the removal of a resource whose address has left the configuration and the creation of one that has
// the same name at another address. So a create that finds its name taken waits while this process removes something: a
// removal of the name itself, or of what has to go before it. The same holds while planning, where a state is read side by side
// with what is planned.

const (
	// removalGrace is how long a taken name is waited for while nothing is being removed: Terraform starts at once what
	// it does not order, and may start the create first.
	removalGrace = 5 * time.Second
	// planningWaits bounds how many plans wait at once. Terraform plans ten resources at a time, and those that read the
	// state, which the others wait for, must have their turn.
	planningWaits = 4
)

// removals tells those who wait for a name of what this process removes, and of what its running plan's state has.
type removals struct {
	mu       sync.Mutex
	running  int
	settled  time.Time     // when the last removal ended
	changes  int           // how often a name may have become free
	told     chan struct{} // closed with the next change; nil while nobody waits
	planning int
	read     bool // this process has read a state
}

// TakenError says that something has the name already. It is worth another look after a removal.
type TakenError struct{ error }

// Taken marks an error as one that a removal may put right.
func Taken(err error) error { return &TakenError{err} }

// Unwrap gives the findings.
func (e *TakenError) Unwrap() error { return e.error }

// Removing notes that this process removes something, until end is called.
func (l *Library) Removing() (end func()) {
	r := &l.removals
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running++
	r.tell()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
		r.settled = time.Now()
		r.changes++
		r.tell()
	}
}

// note says that those who wait for a name should look again.
func (r *removals) note() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.tell()
}

// tell wakes all who wait; the lock is held.
func (r *removals) tell() {
	if r.told != nil {
		close(r.told)
		r.told = nil
	}
}

// observe gives the number of changes, a channel that is closed with the next event, and how long that is to be waited for:
// without an end while a removal runs.
func (r *removals) observe(since time.Time, grace time.Duration) (changes int, told <-chan struct{}, left time.Duration, removing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == nil {
		r.told = make(chan struct{})
	}
	if r.settled.After(since) {
		since = r.settled
	}
	return r.changes, r.told, grace - time.Since(since), r.running > 0
}

// WhileTaken repeats try as long as it fails with a TakenError, and a removal of this process may put that right: it waits
// for those that run, and for one to begin as long as removalGrace. It gives try's last error.
func (l *Library) WhileTaken(ctx context.Context, try func() error) error {
	since := time.Now()
	for {
		changes, _, _, _ := l.removals.observe(since, l.removalGrace)
		err := try()
		if _, taken := errors.AsType[*TakenError](err); !taken {
			return err
		}
		if !l.awaitChange(ctx, since, changes) {
			return err
		}
	}
}

// awaitChange waits until there have been more changes than these; false when none is to be expected.
func (l *Library) awaitChange(ctx context.Context, since time.Time, changes int) bool {
	for {
		now, told, left, removing := l.removals.observe(since, l.removalGrace)
		if now != changes {
			return true
		}
		var over <-chan time.Time // never, while a removal runs
		if !removing {
			if left <= 0 {
				return false
			}
			timer := time.NewTimer(left)
			defer timer.Stop()
			over = timer.C
		}
		select {
		case <-told:
		case <-over:
		case <-ctx.Done():
			return false
		}
	}
}

// PlanName is WhileTaken for planning: of a taken name that the running plan's state may still turn out to have, nothing is
// said where too many wait already. The apply looks again.
func (l *Library) PlanName(ctx context.Context, check func() error) error {
	err := check()
	if _, taken := errors.AsType[*TakenError](err); !taken {
		return err
	}
	r := &l.removals
	r.mu.Lock()
	crowded := r.planning >= planningWaits
	if !crowded {
		r.planning++
	}
	r.mu.Unlock()
	if crowded {
		return nil
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.planning--
	}()
	return l.WhileTaken(ctx, check)
}

// ReadsState notes that this process reads what a state has, as Terraform does while it plans, and not while it applies.
func (l *Library) ReadsState() {
	l.removals.mu.Lock()
	defer l.removals.mu.Unlock()
	l.removals.read = true
}

// Plans tells whether Terraform is planning for certain. It plans a create again right before it applies it, when what a state has
// is read no more. An error then would be one too late: with create_before_destroy, Terraform has set the old object aside
// (as "deposed") and takes it back only where the create itself fails.
func (l *Library) Plans() bool {
	l.removals.mu.Lock()
	defer l.removals.mu.Unlock()
	return l.removals.read
}

// UniqueName is what to do where a name is taken by what may be in the same configuration: what says which kind of thing it is,
// and id is what `terraform import` takes.
func UniqueName(what, id string) string {
	return "or take it over with `terraform import`, id \"" + id + "\", if no configuration has it. If this configuration has it under " +
		"another address, name that in a `moved` block. With create_before_destroy, the new " + what + " would be created before the old one is " +
		"destroyed, and both cannot have one name: leave create_before_destroy out, or give the new one another"
}
