package planning

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Terraform does not order the removal of a resource whose address has left the configuration and
// the creation of one that has the same name at another address. So a create that finds its name
// taken waits while this process removes something: the object that has the name, or something that
// has to be removed before it. The same holds while planning, because Terraform reads a state in
// parallel with planning.

const (
	// Grace is how long a create waits for a taken name while nothing is being removed: Terraform
	// starts unordered operations at once, and may start the create first.
	Grace = 5 * time.Second
	// planningGrace is how long a plan waits to learn that the state has the object with the name.
	// The plan then only warns and refuses nothing, so it need not be certain.
	planningGrace = time.Second
	// planningWaits bounds how many plans wait at once. Terraform plans ten resources at a time,
	// and those that read the state, which the others wait for, must have their turn.
	planningWaits = 4
)

// Removals informs those who wait for a name of what this process removes, and of what its running
// plan's state has.
type Removals struct {
	grace    time.Duration // see WhileTaken
	mu       sync.Mutex
	running  int
	ended    time.Time     // when the last removal ended
	changes  int           // how often a name may have become free
	told     chan struct{} // closed with the next change; nil while no create waits
	planning int
	going    map[string]bool // what this process was asked to remove: a state has it
	kept     map[string]bool // what creates of this process have taken over
}

// NewRemovals returns Removals with nothing removed so far. A create waits for a name as long as
// grace, usually Grace, for a removal to begin.
func NewRemovals(grace time.Duration) *Removals { return &Removals{grace: grace} }

// TakenError says that a name is already taken, and that a removal may free it. A plan warns of
// that instead of refusing it: it cannot know what is removed before it is applied.
type TakenError struct{ error }

// Taken marks an error as one that a removal may resolve.
func Taken(err error) error { return &TakenError{err} }

// Unwrap returns the findings.
func (e *TakenError) Unwrap() error { return e.error }

// Begin records that this process removes something, until end is called: an instance by its UUID,
// a version or a template by its id. kept reports that a create of this process has taken it over:
// it has left its old address, and must not be removed.
func (r *Removals) Begin(what string) (end func(), kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept = r.kept[what]; !kept {
		if r.going == nil {
			r.going = map[string]bool{}
		}
		r.going[what] = true
	}
	r.running++
	r.tell()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running--
		r.ended = time.Now()
		r.changes++
		r.tell()
	}, kept
}

// Keep records that a create of this process takes over, or clears away, what a dead process left.
// It returns false if this process was asked to remove it, or if another create has it: Terraform
// may remove at one address what a create at another finds.
func (r *Removals) Keep(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.going[what] || r.kept[what] {
		return false
	}
	if r.kept == nil {
		r.kept = map[string]bool{}
	}
	r.kept[what] = true
	return true
}

// note tells those who wait for a name to look again.
func (r *Removals) note() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.tell()
}

// tell wakes all waiters; the caller holds the lock.
func (r *Removals) tell() {
	if r.told != nil {
		close(r.told)
		r.told = nil
	}
}

// observe returns the number of changes, a channel that is closed with the next event, and how long
// to wait for that event; the wait has no limit while a removal runs.
func (r *Removals) observe(
	since time.Time, grace time.Duration,
) (changes int, told <-chan struct{}, left time.Duration, removing bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == nil {
		r.told = make(chan struct{})
	}
	if r.ended.After(since) {
		since = r.ended
	}
	return r.changes, r.told, grace - time.Since(since), r.running > 0
}

// WhileTaken repeats try as long as it fails with a TakenError and a removal of this process may
// resolve that. It waits for running removals to end, and up to Grace for one to begin. It returns
// try's last error.
func (r *Removals) WhileTaken(ctx context.Context, try func() error) error {
	return r.wait(ctx, r.grace, try)
}

func (r *Removals) wait(ctx context.Context, grace time.Duration, try func() error) error {
	since := time.Now()
	for {
		changes, _, _, _ := r.observe(since, grace)
		err := try()
		if _, taken := errors.AsType[*TakenError](err); !taken {
			return err
		}
		if !r.awaitChange(ctx, since, grace, changes) {
			return err
		}
	}
}

// awaitChange waits until there have been more changes than these; it returns false when none is to
// be expected.
func (r *Removals) awaitChange(ctx context.Context, since time.Time, grace time.Duration, changes int) bool {
	for {
		now, told, left, removing := r.observe(since, grace)
		if now != changes {
			return true
		}
		var over <-chan time.Time // never, while a removal runs
		if !removing {
			if left <= 0 {
				return false
			}
			over = time.After(left)
		}
		select {
		case <-told:
		case <-over:
		case <-ctx.Done():
			return false
		}
	}
}

// WhilePlanning is WhileTaken for planning, with planningGrace. If too many plans wait already, it
// reports nothing about a taken name that the running plan's state may still turn out to have. The
// apply looks again.
func (r *Removals) WhilePlanning(ctx context.Context, check func() error) error {
	err := check()
	if _, taken := errors.AsType[*TakenError](err); !taken {
		return err
	}
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
	return r.wait(ctx, planningGrace, check)
}

// UniqueName advises what to do if a name is taken by an object that may be in the same
// configuration: what says which kind of object it is, and id is what `terraform import` takes.
func UniqueName(what, id string) string {
	return "or take it over with `terraform import`, id \"" + id + "\", if no configuration has it. If this " +
		"configuration has it under another address, name that in a `moved` block. With " +
		"create_before_destroy, the new " + what + " would be created " +
		"before the old one is destroyed, and both cannot have the same name: remove create_before_destroy, " +
		"or give the new one another name"
}
