package dial

import (
	"net"
	"time"
)

// unackedFor is how long what was sent over TCP, or a question whether the other side is there, may go without an
// acknowledgement before the connection counts as lost. Without it the kernel sends again for some 15 minutes.
const unackedFor = time.Minute

// network is what dials over TCP.
func network() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: unackedFor / 4, Interval: unackedFor / 4, Count: 3},
		Control:         limitUnacked,
	}
}
