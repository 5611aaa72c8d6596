//go:build !linux

package main

import "os"

// peakOf is 0: the test host needs Linux.
func peakOf(*os.ProcessState) int64 { return 0 }
