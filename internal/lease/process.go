// Package lease says which process of the provider works on something, until when, whether that
// process is dead, and which objects Terraform may not have received yet.
//
// A process signs what other processes can see. While it works on an object, the object has a
// Lease: once that has ended, another process may clear the object away. When the object is
// complete, it still names its maker until Confirm: if the maker died before that, the same request
// may take the object over.
//
// A host's name and a process's number are not an identity: containers share their host's name, or
// they all have one name and number their processes alike, and many machines are called localhost.
// So a name holds everything that must agree before one process can look for another.
package lease

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// identity is the parts of a process's name, in the order of its fields. A part is "" if the system
// does not report it.
type identity struct {
	host    string // its host's name
	pid     string // its number, within its namespace
	machine string // digest of the machine's id; the same on machines created from one image
	boot    string // the kernel's random id of its boot, unique to that boot
	spaces  string // namespaces of process numbers and of times, by the kernel's numbers for existing ones
	start   string // when the process started, in clock ticks since the boot
}

const fields = 6

func (i identity) String() string {
	return strings.Join([]string{i.host, i.pid, i.machine, i.boot, i.spaces, i.start}, "/")
}

// parse parses a name. A name from an earlier release is "HOST/PID", which identifies nothing: ok
// is false.
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

// This returns the name of this process: "HOST/PID/MACHINE/BOOT/NAMESPACES/START".
func This() string { return this().String() }

// Show returns a process's name for messages: "HOST/PID".
func Show(name string) string {
	host, rest, _ := strings.Cut(name, "/")
	pid, _, more := strings.Cut(rest, "/")
	if !more {
		return name
	}
	return host + "/" + pid
}

// Dead reports whether a process is certainly gone: it belonged to this boot of this kernel and to
// this process's namespace, and its number is unused now or belongs to another process. Nothing is
// known of any other process, and it counts as alive until its time is up. That includes a process
// of this machine from before a reboot: a machine with another boot id may just as well be another
// machine with the same name, created from the same image.
func Dead(name string) bool {
	other, ok := parse(name)
	here := this()
	pid, err := strconv.Atoi(other.pid)
	if !ok || err != nil || pid <= 0 {
		return false
	}
	if here.boot == "" || here.spaces == "" || other.start == "" ||
		other.host != here.host || other.machine != here.machine || other.boot != here.boot ||
		other.spaces != here.spaces {
		return false
	}
	return ended(pid, other.start)
}
