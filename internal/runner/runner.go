// Package runner names processes of the provider in what they leave on a host, so that a later one on the same machine
// can tell whether they still live.
package runner

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// This is the name of this process: "HOST/PID".
func This() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + "/" + strconv.Itoa(os.Getpid())
}

// Dead tells whether a runner is certainly gone: it was a process of this machine, and there is none of its number any
// more. Of other machines nothing is known.
func Dead(runner string) bool {
	here, _, _ := strings.Cut(This(), "/")
	host, number, _ := strings.Cut(runner, "/")
	pid, err := strconv.Atoi(number)
	if err != nil || host != here || host == "unknown" {
		return false
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return true
	}
	err = process.Signal(syscall.Signal(0))
	return errors.Is(err, os.ErrProcessDone) || errors.Is(err, syscall.ESRCH) || defunct(pid)
}

// defunct tells whether a process has ended, but its parent has not taken note yet: in a container that may be never.
// See proc_pid_stat(5); where there is no such file, nothing is known.
func defunct(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	end := bytes.LastIndexByte(stat, ')') // of the program's name, which may hold anything
	return err == nil && end >= 0 && bytes.HasPrefix(stat[end+1:], []byte(" Z"))
}
