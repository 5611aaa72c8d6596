//go:build !linux && !windows

package parent

import (
	"os"
	"time"
)

// watch returns a function that returns when the parent has ended: this process then has another
// parent.
func watch() (ended func()) {
	parent := os.Getppid()
	return func() {
		for os.Getppid() == parent {
			time.Sleep(look)
		}
	}
}
