package catalog

import (
	"errors"
)

// Errors that a Store reports. Test for them with errors.Is.
var (
	// ErrNotFound says that the catalog holds no such document, or none that this tenant may see.
	ErrNotFound = errors.New("not found in the catalog")
	// ErrExists says that a document of that key is already there.
	ErrExists = errors.New("already exists in the catalog")
	// ErrConflict says that another process changed the document since it was read. Read it again
	// and decide again.
	ErrConflict = errors.New("changed by another process in the meantime")
	// ErrDamaged says that a document or an instance's metadata exists but cannot be read, or that
	// a document may have been in one that cannot. A damaged document is never treated as absent,
	// and never changed.
	ErrDamaged = errors.New("damaged")
)
