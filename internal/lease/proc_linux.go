package lease

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// look fills in what the system says about this process.
func (i *identity) look() {
	// machine-id(5) asks to keep the id itself secret, and other users may read the host's documents.
	if id := line("/etc/machine-id"); id != "" {
		sum := sha256.Sum256([]byte("terraform-provider-novacron " + id))
		i.machine = hex.EncodeToString(sum[:8])
	}
	i.boot = line("/proc/sys/kernel/random/boot_id")
	// The kernel gives a namespace's number to another namespace only once the first is gone with all
	// its processes: namespaces(7). Start times are shown in the reader's own time namespace:
	// time_namespaces(7). Older kernels have only one.
	if pids, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		times, _ := os.Readlink("/proc/self/ns/time")
		i.spaces = number(pids) + "-" + number(times)
	}
	if _, start, ok := stat("self"); ok && start != "0" { // a sandbox that has no start times writes 0
		i.start = start
	}
}

// ended reports whether the process of that number and start has certainly ended. A zombie counts
// as ended: in a container, its parent may never wait for it.
func ended(pid int, start string) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	if !ownNumbers() {
		return false
	}
	state, started, ok := stat(strconv.Itoa(pid))
	return ok && (state == "Z" || started != start)
}

// ownNumbers reports whether /proc shows processes by their numbers in this process's namespace:
// then the process has only one number there (NSpid in proc_pid_status(5)).
func ownNumbers() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(status, []byte("\nNSpid:"))
	numbers, _, _ := bytes.Cut(rest, []byte("\n"))
	return len(bytes.Fields(numbers)) == 1
}

// stat reads a process's state and start: fields 3 and 22 of proc_pid_stat(5).
func stat(pid string) (state, start string, ok bool) {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	end := bytes.LastIndexByte(data, ')') // of the program's name, which may hold anything
	if err != nil || end < 0 {
		return "", "", false
	}
	f := strings.Fields(string(data[end+1:])) // from the third field on
	if len(f) < 20 {
		return "", "", false
	}
	return f[0], f[19], true
}

// line returns the content of a one-line file, or "" if it cannot be read.
func line(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSpace(string(data)), "/", "")
}

// number returns N of "pid:[N]".
func number(link string) string {
	_, n, _ := strings.Cut(link, "[")
	return strings.TrimSuffix(n, "]")
}
