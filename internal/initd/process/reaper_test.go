//go:build linux

package process

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// reaper is one for all tests: it reaps every child of the process.
var reaper = sync.OnceValue(NewReaper)

func start(t *testing.T, script string) *Child {
	t.Helper()
	return must.Get[*Child](t)(reaper().Start("/bin/sh", []string{"sh", "-c", script},
		&syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}))
}

func TestExits(t *testing.T) {
	for script, want := range map[string][2]int{
		"exit 0":       {0, 0},
		"exit 3":       {3, 0},
		"kill -9 $$":   {137, 9},
		"kill -TERM 0": {143, 15},
	} {
		exit := <-start(t, script).Exited()
		if exit.Code != want[0] || exit.Signal != want[1] || exit.At.IsZero() {
			t.Errorf("%s: %+v", script, exit)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if exit := <-start(t, "exit 7").Exited(); exit.Code != 7 {
				t.Errorf("%+v", exit)
			}
		})
	}
	all.Wait()
}

func TestSignals(t *testing.T) {
	child := start(t, "exec sleep 1000")
	child.Signal(int(unix.SIGUSR1)) // which nothing that started the test ignores, as shells do with SIGINT
	if exit := <-child.Exited(); exit.Signal != int(unix.SIGUSR1) {
		t.Errorf("%+v", exit)
	}
	child.Signal(int(unix.SIGUSR1)) // it is gone, and its number may be another's
	child.Kill()
}

func TestAGroupIsKilled(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	group := must.Get[*Child](t)(reaper().Start("/bin/sh", []string{"sh", "-c", "sleep 1000 & echo; wait"},
		&syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, write.Fd(), 2}, Sys: &syscall.SysProcAttr{Setsid: true},
		}))
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := read.Read(make([]byte, 1)); err != nil { // the second process is there
		t.Fatal(err)
	}
	group.Kill()
	if exit := <-group.Exited(); exit.Signal != int(unix.SIGKILL) {
		t.Errorf("%+v", exit)
	}
	if err := read.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := read.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a process of the group lives on: %d, %v", n, err)
	}
}

func TestNothingIsKilledOutsideOfContainers(t *testing.T) {
	child := start(t, "exec sleep 1000")
	reaper().KillAll()
	if err := unix.Kill(child.PID, 0); err != nil {
		t.Errorf("it killed a process of the machine: %v", err)
	}
	child.Kill()
	<-child.Exited()
}

func TestAProgramThatIsMissing(t *testing.T) {
	if _, err := reaper().Start("/nowhere", []string{"x"}, &syscall.ProcAttr{}); err == nil {
		t.Error("it starts")
	}
}
