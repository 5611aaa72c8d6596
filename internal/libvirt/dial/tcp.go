package dial

import (
	"net"
	"time"
)

// unackedFor is how long data sent over TCP, or a keepalive probe, may go unacknowledged before the
// connection counts as lost. Without this limit the kernel resends for some 15 minutes.
const unackedFor = time.Minute

// network returns a dialer for TCP.
func network() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: unackedFor / 4, Interval: unackedFor / 4, Count: 3},
		Control:         limitUnacked,
	}
}
