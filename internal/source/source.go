// Package source is where images come from. A kind of source is a package below this one: it reads
// what a user wrote, finds mistakes in it, and opens the image. Callers ask a source what it can
// do, by the interfaces here and in package onhost, and never which kind it is.
package source

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
)

// Source is where an image is, and what is expected there.
//
// A kind creates it from what a user wrote. Validate is called while the configuration is checked.
// Plans compare the source with the one in the state by Same, and look at it if it is Probed or
// Watched. Open is called once the image is needed, which may be in another process. The image
// itself says whether it passes once or can be read again (transfer.Image.Plain). A source is a
// value: it has nothing open, and can be shared.
type Source interface {
	// String names the source in messages. It contains no secrets.
	String() string
	// Attribute is the attribute that says where the image is, for messages to point at.
	Attribute() string
	// Validate reports what is wrong with the source as it was written, without touching files,
	// networks or hosts. It returns an *image.SourceError, which contains no secrets.
	Validate() error
	// Same reports whether two sources lead to one place, and expect the same there.
	Same(other Source) bool
	// Expected is the checksum of the file as it is at the source; zero if none was written, or an
	// invalid one.
	Expected() image.Checksum
	// Open finds the image, recognizes it by its content (never by its name), and prepares it for
	// sending. ctx limits the life of what is opened, not only of Open. An invalid source is not
	// opened: the error is that of Validate. Other errors are those of transfer.FromFile.
	Open(ctx context.Context) (*transfer.Image, error)
}

// Probed is a source that plans look at, so that a mistake is found before anything is changed.
type Probed interface {
	Source
	// Probe opens the source and reports what was found. Errors are those of Open.
	Probe(ctx context.Context) (Probe, error)
}

// Probe is what a plan finds out about an image.
type Probe struct {
	VirtualSize int64 // bytes of the disk; 0 if only the whole image shows it
	Size        int64 // bytes of the image; 0 or less if that is not known
	Wait        error // why the source cannot be read yet, if an earlier step of the apply may change that
}

// Watched is a source that every plan looks at again, because that costs little: it may now have
// another image.
type Watched interface {
	Source
	// Stamp records how the source looks now, without reading the image.
	Stamp(ctx context.Context) (Stamp, error)
	// Look is Stamp with the digest, of that form, of the image, or of what is there instead. before
	// is the JSON of an earlier stamp, or empty. The image is read only if it may have changed since
	// then, or before has no digest of the form. The error is fs.ErrNotExist if nothing is there, which
	// does not harm an existing version.
	Look(ctx context.Context, before []byte, form digest.Form) (Stamp, error)
	// Read reads the image in any case, for a digest of that form, and verifies its checksum. Errors
	// are those of Open, and *image.ChecksumError.
	Read(ctx context.Context, form digest.Form) (Stamp, error)
}

// Stamp is how a watched source looked: it shows, without reading the image, whether that has
// changed. It is stored as JSON, in a form that the kind defines.
type Stamp interface {
	Digest() string // of the image, decompressed; "" while it was not read
	// WithDigest is the stamp with the digest that reading the image gave.
	WithDigest(digest string) Stamp
}

// Examine looks at a source as far as a plan can: a source that is not Probed is only validated.
func Examine(ctx context.Context, s Source) (Probe, error) {
	if err := s.Validate(); err != nil {
		return Probe{}, err
	}
	if probed, can := s.(Probed); can {
		return probed.Probe(ctx)
	}
	return Probe{}, nil
}

// Origin is what findings about a source's image call it, and what they blame.
func Origin(s Source) image.Origin { return image.Origin{Name: s.String(), Attribute: s.Attribute()} }

// Expect reads the checksum that a kind was given. It returns zero for none, and for one that
// Validate refuses.
func Expect(checksum string) image.Checksum {
	c, err := image.ParseChecksum(checksum)
	if err != nil {
		return image.Checksum{}
	}
	return c
}

// ValidateChecksum is the part of a kind's Validate that concerns the checksum: "" is none.
func ValidateChecksum(checksum string) error {
	if checksum == "" {
		return nil
	}
	_, err := image.ParseChecksum(checksum)
	return err
}
