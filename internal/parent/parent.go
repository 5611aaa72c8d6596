// Package parent tells a plugin that the program that started it is gone.
//
// Terraform stops its providers before it exits. If Terraform is killed, it cannot: a busy provider
// continues, and its results reach no state.
package parent

import "time"

// look is the interval between looks at a parent on systems that do not report its end.
const look = 500 * time.Millisecond

// OnEnd calls do once the process that started this one has ended. It is for programs that a
// plugin's client starts and reads from. A program that outlives its parent, such as one for a
// debugger, must not call it.
func OnEnd(do func()) {
	ended := watch()
	go func() {
		ended()
		do()
	}()
}
