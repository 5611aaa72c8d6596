// Package runner names processes of the provider in what they leave on a host, so that a later one can tell whether they
// still live.
//
// A host's name and a process's number are no identity: containers share their host's name, or have one name and number
// their processes alike, and many machines are called localhost. So a name says everything that has to agree before one
// process can look for another.
package runner

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// identity is what a process's name says, in the order of its fields. What a system does not tell is "".
type identity struct {
	host    string // its host's name
	pid     string // its number, within its namespace
	machine string // digest of the machine's id; alike on machines made from one image
	boot    string // the kernel's id of its boot; random, so that no two kernels have one
	spaces  string // namespaces of process numbers and of times, as the kernel numbers those that exist
	start   string // when the process started, in clock ticks since the boot
}

const fields = 6

func (i identity) String() string {
	return strings.Join([]string{i.host, i.pid, i.machine, i.boot, i.spaces, i.start}, "/")
}

// parse reads a name. One of an earlier release is "HOST/PID", which identifies nothing: ok is false.
func parse(name string) (i identity, ok bool) {
	f := strings.Split(name, "/")
	if len(f) != fields {
		return identity{}, false
	}
	return identity{f[0], f[1], f[2], f[3], f[4], f[5]}, true
}

var this = sync.OnceValue(func() identity {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	i := identity{host: host, pid: strconv.Itoa(os.Getpid())}
	i.look()
	return i
})

// This is the name of this process: "HOST/PID/MACHINE/BOOT/NAMESPACES/START".
func This() string { return this().String() }

// Show is a process's name for messages: "HOST/PID".
func Show(name string) string {
	host, rest, _ := strings.Cut(name, "/")
	pid, _, more := strings.Cut(rest, "/")
	if !more {
		return name
	}
	return host + "/" + pid
}

// Dead tells whether a process is certainly gone: it was of this boot of this kernel and of this process's namespace, and
// there is none of its number any more, or another one has that number. Of all others nothing is known, and they live
// until their time is up. That goes for a process of this machine from before a reboot, too: a machine that has another
// boot's id may just as well be another machine of the same name, made from the same image.
func Dead(name string) bool {
	other, ok := parse(name)
	here := this()
	pid, err := strconv.Atoi(other.pid)
	if !ok || err != nil || pid <= 0 {
		return false
	}
	if here.boot == "" || here.spaces == "" || other.start == "" ||
		other.host != here.host || other.machine != here.machine || other.boot != here.boot || other.spaces != here.spaces {
		return false
	}
	return ended(pid, other.start)
}
