package host

import (
	"errors"
	"net"
)

// ConnectError says why no connection to a host could be opened.
type ConnectError struct {
	URI string
	Err error
}

func (e *ConnectError) Error() string { return "connecting to " + e.URI + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Err }

// Away reports whether the host's machine may be off: it has not accepted the connection. A name that cannot be
// resolved says nothing of the machine, and a machine that refuses the login is on.
func (e *ConnectError) Away() bool {
	if _, unresolved := errors.AsType[*net.DNSError](e.Err); unresolved {
		return false
	}
	op, network := errors.AsType[*net.OpError](e.Err)
	return network && op.Op == "dial"
}
