package fleet_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
)

// begun is an instance that a process works on.
type begun struct {
	process uint64
	name    string
}

// history is what the processes of a crowd have done, as they have told.
type history struct {
	mu     sync.Mutex
	counts map[string]int
	kills  int
	events int
	last   int // events at the last kill
	has    map[string]known
	begun  map[begun]known // what is being created (without a UUID) or removed
	errors []string
	past   map[string][]string // of each instance
}

func newHistory() *history {
	return &history{
		counts: map[string]int{}, has: map[string]known{}, begun: map[begun]known{}, past: map[string][]string{},
	}
}

// note notes what a process has told.
func (h *history) note(process uint64, e event) {
	by := begun{process, e.Name}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past[e.Name] = append(h.past[e.Name], fmt.Sprintf("process %d: %s %s %s", process, e.Do, e.UUID, e.Error))
	h.counts[e.Do]++
	h.events++
	switch e.Do {
	case creating:
		h.begun[by] = known{}
	case created:
		// Two processes that are killed may each have created the instance, or have found it complete.
		if other, there := h.has[e.Name]; there && other.UUID != e.UUID {
			h.errors = append(h.errors, fmt.Sprintf("%s is created as %s on %s, and is there as %s on %s",
				e.Name, e.UUID, e.Host, other.UUID, other.Host))
		}
		h.has[e.Name] = known{e.UUID, e.Host}
		delete(h.begun, by)
	case declined:
		delete(h.begun, by)
	case removing:
		if has, there := h.has[e.Name]; there { // otherwise it goes on with what it had begun
			h.begun[by] = has
		}
		delete(h.has, e.Name)
	case removed:
		delete(h.begun, by)
	case failed:
		h.errors = append(h.errors, e.Name+": "+e.Error)
	}
}

func (h *history) killed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kills++
	h.last = h.events
}

// since reports whether that much has happened since the last process was killed.
func (h *history) since(events int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.events-h.last >= events
}

func (h *history) wrong() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.errors
}

// known are the instances that processes know of, by name.
func (h *history) known() map[string]known {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.has)
}

// of is what has happened to an instance.
func (h *history) of(name string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return name + ":\n  " + strings.Join(h.past[name], "\n  ")
}

// unfinished is what processes had begun when they were killed.
func (h *history) unfinished() map[begun]known {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.begun)
}

func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprintf("%d instances were created, %d removed, %d refused; processes were killed %d times",
		h.counts[created], h.counts[removed], h.counts[declined], h.kills)
}
