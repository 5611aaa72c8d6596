//go:build linux

package container

import (
	"os"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// reporter writes the status. It is for several goroutines at once.
type reporter struct {
	mu   sync.Mutex
	file *os.File
	now  initd.Status
}

// newReporter replaces the status of an earlier start.
func newReporter(file *os.File, started time.Time) *reporter {
	r := &reporter{file: file, now: initd.Status{State: initd.StateStarting, Started: started}}
	r.change(func(*initd.Status) {})
	return r
}

// is reports whether the container was started at that time.
func (r *reporter) is(started time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now.Started.Equal(started)
}

// change changes the status and writes it, all of it at once. A status that cannot be written is
// written with the next change: there is no other way to tell the host.
func (r *reporter) change(with func(*initd.Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	with(&r.now)
	r.now.Sequence++
	r.now.Updated = time.Now()
	_, _ = r.file.WriteAt(r.now.Encode(), 0) // see above
}
