package image

import (
	"errors"
	"fmt"
	"io/fs"
)

// Origin is where an image comes from, as findings about it state it.
type Origin struct {
	Name      string // names the source in messages, without its secrets: "volume pool/disk"
	Attribute string // the field of the source to blame: the one that says where the image is
}

// Volume is the origin of an image in a volume of a pool.
func Volume(pool, volume string) Origin {
	return Origin{Name: "volume " + pool + "/" + volume, Attribute: "volume"}
}

// String returns the name.
func (o Origin) String() string { return o.Name }

// NotImage reports that the bytes are not, or no longer, those of a disk image.
func (o Origin) NotImage(advice, reason string, args ...any) error {
	return &NotAnImageError{Origin: o, Reason: fmt.Sprintf(reason, args...), Advice: advice}
}

// Unsupported reports that the bytes are an image that cannot be used as it is.
func (o Origin) Unsupported(advice, reason string, args ...any) error {
	return &UnsupportedImageError{Origin: o, Reason: fmt.Sprintf(reason, args...), Advice: advice}
}

// OfContainer refuses what is made for containers, as the disk of a machine.
func (o Origin) OfContainer(what, advice string) error {
	return &UnsupportedImageError{
		Origin: o,
		Reason: "it is " + what + ", and the template is for machines",
		Advice: "Use a template with type = \"container\" for it." + advice,
		Root:   true,
	}
}

// TooLarge refuses a disk of more than MaxDisk bytes.
func (o Origin) TooLarge(size uint64) error {
	return o.Unsupported("Shrink its disk, or inspect it: a damaged header often looks like this.",
		"its disk would have %d bytes, and a linked clone has %d (2 PiB) at most", size, uint64(MaxDisk))
}

// Failed blames the origin for err, unless err already blames a field. Doing is what was attempted:
// "reading".
func (o Origin) Failed(doing string, err error, advice string) error {
	if known, ok := errors.AsType[interface {
		error
		Attribute() string
	}](err); ok {
		return known
	}
	return Blame(o.Attribute, doing+" "+o.Name, err, advice)
}

// Unread is Failed for bytes that could not be read.
func (o Origin) Unread(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok { // it would name the file once more
		err = pathError.Err
	}
	return o.Failed("reading", err, "")
}
