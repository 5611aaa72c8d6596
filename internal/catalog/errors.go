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
	// ErrConflict says that somebody else changed the document since it was read. Read it again and decide anew.
	ErrConflict = errors.New("changed by another process in the meantime")
	// ErrDamaged says that a document or an instance's metadata is there and cannot be read, or that a document may have
	// been in one that cannot. It is never taken for one that is not there. Nothing of what is damaged is changed.
	ErrDamaged = errors.New("damaged")
)
