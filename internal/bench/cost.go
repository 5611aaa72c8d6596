package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cost is what some work takes of processors and memory.
type cost struct {
	cpu  time.Duration
	peak int64 // bytes, resident; 0 if it was not measured
}

func (c cost) String() string {
	if c.peak == 0 {
		return fmt.Sprintf("%5.2f s", c.cpu.Seconds())
	}
	return fmt.Sprintf("%5.2f s, %3d MiB", c.cpu.Seconds(), c.peak>>20)
}

// sample is one measurement.
type sample struct {
	took   time.Duration
	client cost // Terraform and its provider, or the plain tools
	daemon cost // libvirtd and the programs that it ran
}

// libvirtd is the daemon of the test host.
type libvirtd struct{ proc string }

// daemonOf finds the daemon of the test host whose directories are below root.
func daemonOf(root string) (libvirtd, error) {
	pid, err := os.ReadFile(filepath.Join(root, "run", "libvirtd.pid"))
	if err != nil {
		return libvirtd{}, err
	}
	return libvirtd{filepath.Join("/proc", strings.TrimSpace(string(pid)))}, nil
}

// ticks is how many units of /proc/PID/stat are a second: USER_HZ, which is 100 on all platforms
// that KVM has.
const ticks = 100

// cpu is the time that the daemon and its ended children have had of the processors.
func (d libvirtd) cpu() time.Duration {
	stat, err := os.ReadFile(filepath.Join(d.proc, "stat"))
	if err != nil {
		return 0
	}
	// The second field is the program's name in parentheses, which may contain spaces.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var sum int64
	for _, n := range fields[11:15] { // utime, stime, cutime, cstime
		value, _ := strconv.ParseInt(n, 10, 64)
		sum += value
	}
	return time.Duration(sum) * time.Second / ticks
}

// during measures what the daemon takes while something runs. The zero libvirtd takes nothing.
func (d libvirtd) during(run func() error) (cost, error) {
	if d.proc == "" {
		return cost{}, run()
	}
	// 5 resets the peak; see proc_pid_clear_refs(5).
	if err := os.WriteFile(filepath.Join(d.proc, "clear_refs"), []byte("5"), 0); err != nil {
		return cost{}, err
	}
	before := d.cpu()
	err := run()
	return cost{cpu: d.cpu() - before, peak: d.peak()}, err
}

func (d libvirtd) peak() int64 {
	status, err := os.ReadFile(filepath.Join(d.proc, "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}
