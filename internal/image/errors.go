package image

import (
	"errors"
	"fmt"
	"io"
)

// ErrChanged is the cause within a SourceError when a file changed while it was read, judged by its
// size and times.
var ErrChanged = errors.New("the file changed while it was being read")

// SourceError reports that the bytes of an image could not be read from where the user said they
// are.
type SourceError struct {
	Tried  string // what was attempted, on what: "opening disk.img"
	Err    error  // why it failed
	Advice string // what to do, as sentences; may be empty

	attribute string
}

// Blame creates a SourceError that points at a field of the source.
func Blame(attribute, tried string, err error, advice string) *SourceError {
	return &SourceError{attribute: attribute, Tried: tried, Err: err, Advice: advice}
}

func (e *SourceError) Error() string { return advise(fmt.Sprintf("%s: %v", e.Tried, e.Err), e.Advice) }

func (e *SourceError) Unwrap() error { return e.Err }

// Attribute is the field of the source to blame: "path", "url", "volume", "instance_id", "headers"
// or "checksum".
func (e *SourceError) Attribute() string { return e.attribute }

// ChecksumError reports that the file at the source is not the requested one.
type ChecksumError struct {
	Source    string
	Want, Got string // both "ALGORITHM:hex"
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("checking %s: its checksum is %s, not %s. Either the file was damaged or exchanged, or the "+
		"checksum belongs to another release: compare it with what the publisher lists.", e.Source, e.Got, e.Want)
}

// Attribute is the field of the source to blame.
func (e *ChecksumError) Attribute() string { return "checksum" }

// NotAnImageError reports that the bytes are not, or no longer, those of a disk image.
type NotAnImageError struct {
	Origin Origin
	Reason string // "it is an HTML page"
	Advice string // what to do, as sentences
}

func (e *NotAnImageError) Error() string {
	return advise(fmt.Sprintf("%s is not a usable disk image: %s", e.Origin, e.Reason), e.Advice)
}

// Attribute is the field of the source to blame: the one that says where the image is.
func (e *NotAnImageError) Attribute() string { return e.Origin.Attribute }

// UnsupportedImageError reports that the bytes are an image of a kind that cannot or must not be
// stored.
type UnsupportedImageError struct {
	Origin Origin
	Reason string // "it is a VMware VMDK image"
	Advice string // what to do, as sentences
	// Root is set for what the root file system of a container may be made of.
	Root bool
}

func (e *UnsupportedImageError) Error() string {
	return advise(fmt.Sprintf("%s cannot be used as it is: %s", e.Origin, e.Reason), e.Advice)
}

// Attribute is the field of the source to blame: the one that says where the image is.
func (e *UnsupportedImageError) Attribute() string { return e.Origin.Attribute }

func advise(message, advice string) string {
	if advice == "" {
		return message
	}
	return message + ". " + advice
}

// CutError says for people what io.ErrUnexpectedEOF, which it wraps, says for programs.
type CutError struct{ Err error }

func (e *CutError) Error() string { return "the connection ended before the file did" }

func (e *CutError) Unwrap() error { return e.Err }

// Ended distinguishes the end of a reader from an error whose cause is an early end.
func Ended(err error) bool { return err == io.EOF } //nolint:errorlint // not what wraps it
