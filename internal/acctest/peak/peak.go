// Package peak measures how much memory processes take at most.
package peak

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// interval is how often the processes are looked at. The kernel itself keeps the peak of each
// (VmHWM of proc_pid_status(5)), so that only what a process takes in its last moments can be
// missed.
const interval = 10 * time.Millisecond

// Watch follows processes.
type Watch struct {
	parent int
	name   string
	stop   chan struct{}
	ended  sync.WaitGroup
	bytes  int64
}

// OfChildren follows the processes that a process starts and whose program's name begins so, of
// which the kernel knows 15 characters.
func OfChildren(parent int, name string) *Watch {
	w := &Watch{parent: parent, name: name[:min(len(name), 15)], stop: make(chan struct{})}
	w.ended.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				w.look()
			}
		}
	})
	return w
}

// Bytes ends the watch, and tells the largest peak of any one process: 0 where there was none.
func (w *Watch) Bytes() int64 {
	close(w.stop)
	w.ended.Wait()
	return w.bytes
}

// look asks the kernel for the children of each of the parent's threads: to read of all processes
// who their parent is would take a busy machine more than what is measured.
func (w *Watch) look() {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", w.parent))
	for _, path := range threads {
		children, _ := os.ReadFile(path) // nothing of a thread that has ended
		for child := range strings.FieldsSeq(string(children)) {
			if name, err := os.ReadFile(filepath.Join("/proc", child, "comm")); err == nil && strings.HasPrefix(string(name), w.name) {
				w.bytes = max(w.bytes, highWater(filepath.Join("/proc", child, "status")))
			}
		}
	}
}

// highWater reads the most memory that a process has taken, in bytes.
func highWater(path string) int64 {
	status, err := os.ReadFile(path)
	if err != nil {
		return 0 // it has ended
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
