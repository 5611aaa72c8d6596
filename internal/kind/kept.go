package kind

import "errors"

// Quoting is an error whose text quotes what a guest has written, which may contain secrets.
type Quoting interface {
	error
	// Kept is the text without the quotation.
	Kept() string
}

// Kept is the text of an error as records keep it: what a guest has written is shown to the user,
// but never recorded. record has it.
func Kept(err error) string {
	if quoting, ok := errors.AsType[Quoting](err); ok {
		return quoting.Kept()
	}
	return err.Error()
}
