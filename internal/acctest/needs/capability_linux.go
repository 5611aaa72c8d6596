package needs

import "golang.org/x/sys/unix"

// HasCapability reports whether the process has a capability, such as unix.CAP_SYS_RESOURCE. Root of a
// container may lack some, and no program that is installed would change that.
func HasCapability(number int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return false
	}
	const bits = 32 // of a set
	return sets[number/bits].Effective>>(number%bits)&1 == 1
}
