package archive

import (
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// RefusedError reports that the content of an archive is damaged, or must not be used.
type RefusedError struct {
	Origin image.Origin
	Layer  string // "layer 2 of 3"; "" for the file as a whole
	Entry  string // the name of the entry as the archive has it; "" for the layer as a whole
	Reason string // "its path leads out of the root"
	Advice string // what to do, as sentences; may be empty
}

func (e *RefusedError) Error() string {
	where := ""
	if e.Layer != "" {
		where = e.Layer + ": "
	}
	if e.Entry != "" {
		where += "entry " + quote(e.Entry) + ": "
	}
	text := fmt.Sprintf("%s is not a usable container image: %s%s", e.Origin, where, e.Reason)
	if e.Advice != "" {
		text += ". " + e.Advice
	}
	return text
}

// Attribute is the field of the source to blame: the one that says where the image is.
func (e *RefusedError) Attribute() string { return e.Origin.Attribute }

// quote makes a name from an archive safe to show, and short.
func quote(name string) string {
	const enough = 200
	if len(name) > enough {
		return image.Quote(name[:enough]) + "…"
	}
	return image.Quote(name)
}

// Refuse creates a *RefusedError about a file or layer as a whole; layer is "" for the file.
func Refuse(o image.Origin, layer, advice, reason string, args ...any) error {
	return &RefusedError{Origin: o, Layer: layer, Reason: fmt.Sprintf(reason, args...), Advice: advice}
}

// Refused turns findings of the packages that read disk images into a *RefusedError about a layer;
// layer is "" for the file as a whole. Other errors stay as they are.
func Refused(layer string, err error) error {
	if e, ok := errors.AsType[*image.NotAnImageError](err); ok {
		return Refuse(e.Origin, layer, e.Advice, "%s", e.Reason)
	}
	if e, ok := errors.AsType[*image.UnsupportedImageError](err); ok {
		return Refuse(e.Origin, layer, e.Advice, "%s", e.Reason)
	}
	return err
}
