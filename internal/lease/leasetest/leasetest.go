// Package leasetest names dead processes, for tests of what other processes leave behind.
package leasetest

import (
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// unused is no process's number: it is beyond PID_MAX_LIMIT of Linux.
const unused = "4194305"

// Dead returns the name of a process of this machine that has certainly ended, in the form of
// lease.This. It ends the test if the system does not report enough to tell.
func Dead(t testing.TB) string {
	t.Helper()
	fields := strings.Split(lease.This(), "/")
	fields[1] = unused
	name := strings.Join(fields, "/")
	if !lease.Dead(name) {
		t.Fatalf("process %s is not certain to have ended", name)
	}
	return name
}

// DeadMark is Dead in the form of lease.Mark.
func DeadMark(t testing.TB) string {
	t.Helper()
	place, rest, _ := strings.Cut(lease.Mark(), "-")
	_, start, _ := strings.Cut(rest, "-")
	mark := strings.Join([]string{place, unused, start}, "-")
	if !lease.MarkDead(mark) {
		t.Fatalf("process %s is not certain to have ended", mark)
	}
	return mark
}
