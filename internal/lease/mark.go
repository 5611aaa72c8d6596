package lease

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Mark is this process's name in the few characters that a volume's name has room for:
// "PLACE-PID-START", with a digest of where PID and START mean something. It is "" if the system
// does not report enough to tell whether the process has ended.
func Mark() string {
	me := this()
	if me.boot == "" || me.spaces == "" || me.start == "" {
		return ""
	}
	return strings.Join([]string{me.place(), me.pid, me.start}, "-")
}

// place is a digest of everything that must agree before one process can look for another.
func (i identity) place() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{i.host, i.machine, i.boot, i.spaces}, "/")))
	return fmt.Sprintf("%x", sum[:8])
}

// MarkDead is Dead for a Mark.
func MarkDead(mark string) bool {
	place, rest, _ := strings.Cut(mark, "-")
	pid, start, _ := strings.Cut(rest, "-")
	if start == "" || place != this().place() {
		return false
	}
	other := this()
	other.pid, other.start = pid, start
	return Dead(other.String())
}
