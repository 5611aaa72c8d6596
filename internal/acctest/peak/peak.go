// Package peak measures the peak memory of processes.
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

// interval is how often a Watch looks at its processes. The kernel keeps the peak of each process
// (VmHWM of proc_pid_status(5)), so a Watch can miss only what a process takes in its last moments.
const interval = 10 * time.Millisecond

// Watch measures processes while they run.
type Watch struct {
	parent int
	name   string
	stop   chan struct{}
	ended  sync.WaitGroup
	bytes  int64
}

// OfChildren watches the child processes of a process whose program name starts with name. The
// kernel knows only the first 15 characters of a program's name.
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

// Bytes ends the watch and returns the largest peak of any one process, or 0 if there was none.
func (w *Watch) Bytes() int64 {
	close(w.stop)
	w.ended.Wait()
	return w.bytes
}

// look asks the kernel for the children of each thread of the parent. On a busy machine, finding
// the parent of every process would cost more than what is measured.
func (w *Watch) look() {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", w.parent))
	for _, path := range threads {
		children, _ := os.ReadFile(path) // empty if the thread has ended
		for child := range strings.FieldsSeq(string(children)) {
			if name, err := os.ReadFile(filepath.Join("/proc", child, "comm")); err == nil &&
				strings.HasPrefix(string(name), w.name) {
				w.bytes = max(w.bytes, highWater(filepath.Join("/proc", child, "status")))
			}
		}
	}
}

// highWater returns the peak memory of a process, in bytes.
func highWater(path string) int64 {
	status, err := os.ReadFile(path)
	if err != nil {
		return 0 // the process has ended
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10,
				64)
			return kilobytes << 10
		}
	}
	return 0
}
