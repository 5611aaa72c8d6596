package parent

import "os"

// watch returns a function that returns when the parent has ended: on Windows, a process can wait
// for any other.
func watch() (ended func()) {
	parent, err := os.FindProcess(os.Getppid())
	return func() {
		if err == nil {
			_, err = parent.Wait()
		}
		if err != nil {
			select {} // the parent cannot be watched
		}
	}
}
