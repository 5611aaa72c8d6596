// Package netns does something in another network namespace than the test's.
package netns

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Do calls do in the network namespace of a file. What do opens stays there. The thread comes back: it may be the
// process's first one, which does not end with its goroutine, and by which others tell whose the process is.
func Do(path string, do func() error) error {
	its, err := os.Open(path)
	if err != nil {
		return err
	}
	defer its.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		own, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer own.Close()
		defer func() { // also if do ends the test
			back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET)
			if back == nil {
				runtime.UnlockOSThread()
			}
			done <- errors.Join(err, back)
		}()
		if err = unix.Setns(int(its.Fd()), unix.CLONE_NEWNET); err == nil {
			err = do()
		}
	}()
	return <-done
}
