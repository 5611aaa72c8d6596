// Package oci opens the images of containers: an OCI layout, the output of docker save, or a root
// file system in a tar archive. It recognises them by their content, chooses the image for a platform,
// and reads its configuration. Package flatten makes one root file system of their layers.
//
// A kind of source that has images elsewhere, such as a registry, implements Store.
package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
)

// Kind is what an image was found as.
type Kind string

// The kinds of images, as messages call them.
const (
	Layout        Kind = "OCI layout"
	DockerArchive Kind = "output of docker save"
	RootArchive   Kind = "root file system"
	Stored        Kind = "image of a store"
)

// Subject is what a digest is of.
type Subject string

// The subjects of an Identity.
const (
	OfConfig Subject = "config" // of an image's configuration: the ID that Docker shows for the image
	OfRoot   Subject = "root"   // of the decompressed archive of a root file system
)

// Identity says which image something is. Equal identities have the same files and configuration,
// however they are compressed or stored: a configuration lists the digests of the layers, decompressed.
type Identity struct {
	Of     Subject
	Digest string // "sha256:hex"; OCI layouts can have "sha512:hex"
}

// String returns "SUBJECT:ALGORITHM:hex", or "" for the zero value.
func (i Identity) String() string {
	if i == (Identity{}) {
		return ""
	}
	return string(i.Of) + ":" + i.Digest
}

// ParseIdentity reads what String has returned.
func ParseIdentity(text string) (Identity, error) {
	of, digest, _ := strings.Cut(text, ":")
	switch i := (Identity{Subject(of), digest}); i.Of {
	case OfConfig, OfRoot:
		if _, err := image.ParseChecksum(digest); err == nil {
			return i, nil
		}
	}
	return Identity{}, fmt.Errorf("the identity of an image %q is of a form that this provider does not know", text)
}

// Image is an opened image. It is not safe for concurrent use.
type Image struct {
	Kind Kind
	// Config says how to run the image. That of a root file system is zero.
	Config Config

	origin   image.Origin
	identity Identity
	manifest string
	layers   []archive.Layer
	packed   bool // it was taken for a root file system by the first entry of its archive alone
	release  func() error
}

// Layers is how many layers the image has.
func (im *Image) Layers() int { return len(im.layers) }

// Identity returns the identity of the image. That of a root file system in a file that is not
// compressed is zero until Index has read it.
func (im *Image) Identity() Identity { return im.identity }

// Manifest is the digest of the image's manifest, "sha256:hex" or "sha512:hex", by which registries know
// it; "" for an image that has none. The same image with layers that were compressed in another way
// has another manifest.
func (im *Image) Manifest() string { return im.manifest }

// Identify is Identity, which it reads the image for if need be.
func (im *Image) Identify(ctx context.Context) (Identity, error) {
	if im.identity != (Identity{}) {
		return im.identity, nil
	}
	for _, l := range im.layers { // there is one
		in, err := l.Read(ctx, archive.Options{Origin: im.origin}, archive.Limits{}.New())
		if err != nil {
			return Identity{}, err
		}
		if err := errors.Join(in.Drain(), in.Close()); err != nil {
			return Identity{}, err
		}
	}
	return im.identity, nil
}

// Content is a digest of what the layers have, "sha256:hex": images that have it in common have the
// same files, though their configurations may differ. It is "" as long as Identity is zero.
func (im *Image) Content() string {
	sum := sha256.New()
	for _, l := range im.layers {
		digest := l.DiffID
		if digest == "" && im.identity.Of == OfRoot {
			digest = im.identity.Digest
		}
		if digest == "" {
			return ""
		}
		_, _ = fmt.Fprintln(sum, digest) // a hash never fails
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// Options say what images may have.
type Options struct {
	Limits  archive.Limits
	Devices archive.Devices
}

// Index reads the layers and finds out which files the image results in. The tree that it returns
// reads from the image, which must not be closed before. Errors are those of flatten.Index.
func (im *Image) Index(ctx context.Context, o Options) (*flatten.Tree, error) {
	t, err := flatten.Index(ctx, im.layers, flatten.Options{Origin: im.origin, Limits: o.Limits, Devices: o.Devices})
	if err == nil && im.packed && t.HasFile(layoutFile) && t.HasFile(indexFile) {
		return nil, archive.Refuse(im.origin, "", "Pack the files of the OCI layout alone, or decompress the archive.",
			"it has an OCI layout behind other files")
	}
	return t, err
}

// Close releases what the image was opened from. It may be called twice.
func (im *Image) Close() error {
	release := im.release
	im.release = nil
	if release == nil {
		return nil
	}
	return release()
}

// newRoot creates the image of a root file system. Digest is that of the decompressed archive; "" if
// it is not known yet.
func newRoot(o image.Origin, digest string, open func(context.Context) (io.ReadCloser, error)) *Image {
	im := &Image{Kind: RootArchive, origin: o, release: func() error { return nil }}
	if digest != "" {
		im.identity = Identity{OfRoot, digest}
	}
	sum := func(digest string) error {
		switch read := (Identity{OfRoot, digest}); im.identity {
		case Identity{}:
			im.identity = read
			return nil
		case read:
			return nil
		default:
			return o.Failed("reading", image.ErrChanged, adviceChanged)
		}
	}
	im.layers = []archive.Layer{{Name: "archive", Open: open, Sum: sum}}
	return im
}

const adviceChanged = "Apply again once nothing writes to it."

// named is the name of a layer in messages, of one that is counted from 0.
func named(number, of int) string { return fmt.Sprintf("layer %d of %d", number+1, of) }

// unread blames the origin for content that could not be read, unless the error says more.
func unread(o image.Origin, err error) error {
	if _, ok := errors.AsType[*archive.RefusedError](err); ok {
		return err
	}
	return o.Unread(err)
}
