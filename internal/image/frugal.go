package image

import (
	"runtime/debug"
	"sync"
)

// frugalPercent is how much garbage there may be before it is collected, in percent of what is in use. By default it is as
// much as that: a decompressor's window would count twice.
const frugalPercent = 10

// frugal counts who wants little garbage. That is cheap where most of what is in use is a window: nothing in it refers to
// anything, so that it takes no time to collect around it.
var frugal struct {
	mu     sync.Mutex
	wanted int
	before int // percent
}

// beFrugal keeps garbage low until it is ended, which may be said more than once.
func beFrugal() (end func()) {
	frugal.mu.Lock()
	defer frugal.mu.Unlock()
	if frugal.wanted++; frugal.wanted == 1 {
		frugal.before = debug.SetGCPercent(frugalPercent)
		if frugal.before < frugalPercent { // or switched off, below zero
			debug.SetGCPercent(frugal.before)
		}
	}
	return sync.OnceFunc(func() {
		frugal.mu.Lock()
		defer frugal.mu.Unlock()
		if frugal.wanted--; frugal.wanted == 0 {
			debug.SetGCPercent(frugal.before)
		}
	})
}
