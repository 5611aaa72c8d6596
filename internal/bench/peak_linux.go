package main

import (
	"os"
	"syscall"
)

// peakOf is the peak memory of a process that has ended and of its children, in bytes, resident.
func peakOf(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10 // KiB on Linux; see getrusage(2)
}
