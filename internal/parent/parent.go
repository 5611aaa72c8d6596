// Package parent tells a plugin that the program which started it is gone.
//
// Terraform ends its providers before it ends. When it is killed, nothing tells them: a provider that is at work goes on,
// and its results reach no state.
package parent

import "time"

// look is how often a parent is looked at where nothing reports its end.
const look = 500 * time.Millisecond

// OnEnd calls do once the process that started this one has ended. It is for programs that a plugin's client starts and
// reads from; a program that outlives who started it, such as one for a debugger, must not call it.
func OnEnd(do func()) {
	ended := watch()
	go func() {
		ended()
		do()
	}()
}
