package web

import (
	"errors"
	"fmt"
	"time"
)

// Causes within a SourceError.
var (
	// errOther: the file under the URL changed while it was downloaded.
	errOther = errors.New("the file on the server changed while it was being downloaded")
	// errStalled: a server kept the connection open without sending anything.
	errStalled = errors.New("the server stopped sending")
)

// statusError is the cause within a SourceError when a server answered with something other than a
// file.
type statusError struct {
	Code   int
	Status string // "404 Not Found"
	From   string // the host that answered, if it was not the host of the URL; else empty

	retryAfter time.Duration // how long the server asks to wait
}

func (e *statusError) Error() string {
	if e.From != "" {
		return fmt.Sprintf("after a redirect, %s answered %q", e.From, e.Status)
	}
	return fmt.Sprintf("the server answered %q", e.Status)
}
