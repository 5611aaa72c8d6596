package compression

import (
	"runtime"
	"runtime/debug"
	"sync"
)

// gcPercent is how much garbage there may be before it is collected, in percent of the memory in
// use. By default it is as much as the memory in use: a decompressor's window would count twice.
const gcPercent = 10

// gcLimit counts the callers that want little garbage. That is cheap while most of the memory in
// use is a window: nothing in it refers to anything, so that the collector spends no time on it.
var gcLimit struct {
	mu     sync.Mutex
	wanted int
	before int // percent
}

// limitGarbage keeps garbage low until end is called, which may be called more than once.
func limitGarbage() (end func()) {
	gcLimit.mu.Lock()
	defer gcLimit.mu.Unlock()
	if gcLimit.wanted++; gcLimit.wanted == 1 {
		gcLimit.before = debug.SetGCPercent(gcPercent)
		if gcLimit.before < gcPercent { // or switched off, below zero
			debug.SetGCPercent(gcLimit.before)
		}
	}
	return sync.OnceFunc(func() {
		gcLimit.mu.Lock()
		defer gcLimit.mu.Unlock()
		if gcLimit.wanted--; gcLimit.wanted == 0 {
			debug.SetGCPercent(gcLimit.before)
		}
		runtime.GC() // otherwise the next window would be allocated beside this one
	})
}
