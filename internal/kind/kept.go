package kind

import "errors"

// Quoting is an error whose text quotes what a guest has written, which may quote secrets.
type Quoting interface {
	error
	// Kept is the text without that.
	Kept() string
}

// Kept is the text of an error as records keep it: a user is shown what a guest has written, and no
// record has it.
func Kept(err error) string {
	if quoting, ok := errors.AsType[Quoting](err); ok {
		return quoting.Kept()
	}
	return err.Error()
}
