//go:build !linux

package lease

// Without /proc, nothing identifies a process, so no process is ever certain to be gone.

func (i *identity) look() {}

func ended(int, string) bool { return false }
