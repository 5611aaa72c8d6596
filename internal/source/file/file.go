// Package file has the kind of source that is a file on this machine.
package file

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// Kind creates sources from the attribute path.
var Kind = source.Kind{Attribute: "path", New: func(s source.Settings) source.Source {
	return Source{Path: s.Text("path"), Checksum: s.Text("checksum")}
}}

// Source is a regular file on this machine.
type Source struct {
	Path     string // absolute, or relative to the working directory
	Checksum string // "", "sha256:HEX" or "sha512:HEX" of the file
}

var (
	_ source.Probed  = Source{}
	_ source.Watched = Source{}
)

// String implements source.Source. It does not repeat a URL, which may contain a password.
func (s Source) String() string {
	if s.urlScheme() != "" {
		return "(a URL as a path)"
	}
	return s.Path
}

// urlScheme is the scheme of a path that is a URL, in lower case; "" for others.
func (s Source) urlScheme() string {
	scheme, _, found := strings.Cut(s.Path, "://")
	switch scheme = strings.ToLower(scheme); {
	case found && (scheme == "http" || scheme == "https" || scheme == "file"):
		return scheme
	default:
		return ""
	}
}

// Attribute implements source.Source.
func (Source) Attribute() string { return "path" }

// Validate implements source.Source.
func (s Source) Validate() error {
	var advice string
	switch scheme := s.urlScheme(); scheme {
	case "":
		return source.ValidateChecksum(s.Checksum)
	case "file":
		advice = "Write the file's path without file://."
	default:
		advice = "Use url for an image on a web server: source = { url = \"" + scheme + "://…\" }."
	}
	return image.Blame("path", "looking for the image", errors.New("path is a URL"), advice)
}

// Same implements source.Source.
func (s Source) Same(other source.Source) bool { return other == s }

// Expected implements source.Source.
func (s Source) Expected() image.Checksum { return source.Expect(s.Checksum) }

// Open implements source.Source.
func (s Source) Open(ctx context.Context) (*transfer.Image, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.isDirectory() && isLayout(s.Path) {
		return nil, source.Origin(s).OfContainer("a directory with an OCI layout", "")
	}
	f, err := localfile.Open(source.Origin(s), s.Path)
	if err != nil {
		return nil, err
	}
	return transfer.FromFile(ctx, source.Origin(s), s.Expected(), f)
}

// Probe implements source.Probed.
func (s Source) Probe(ctx context.Context) (source.Probe, error) {
	im, err := s.Open(ctx)
	if err != nil {
		return source.Probe{}, err
	}
	return source.Probe{VirtualSize: im.VirtualSize, Size: im.Size}, im.Close()
}

// stamp is a localfile.Stamp.
type stamp struct{ localfile.Stamp }

// Digest implements source.Stamp.
func (s stamp) Digest() string { return s.Stamp.Digest }

// WithDigest implements source.Stamp.
func (s stamp) WithDigest(digest string) source.Stamp {
	s.Stamp.Digest = digest
	return s
}

// Stamp implements source.Watched.
func (s Source) Stamp(context.Context) (source.Stamp, error) {
	seen, err := localfile.StampOf(s.Path)
	return stamp{seen}, err
}

// Look implements source.Watched. It ignores the checksum: a file that does not have it is another
// image, and not an error.
func (s Source) Look(ctx context.Context, before []byte, form digest.Form) (source.Stamp, error) {
	var noted localfile.Stamp
	if len(before) > 0 {
		_ = json.Unmarshal(before, &noted) // an unreadable stamp counts as none
	}
	seen, err := s.look(ctx, noted, form)
	return stamp{seen}, err
}

// Read implements source.Watched.
func (s Source) Read(ctx context.Context, form digest.Form) (source.Stamp, error) {
	seen, _ := localfile.StampOf(s.Path) // before opening: Open reports what is wrong
	im, err := s.Open(ctx)
	if err != nil {
		return stamp{}, err
	}
	defer im.Close()
	seen.Digest, err = im.Digest(ctx, form)
	return stamp{seen}, err
}

func (s Source) look(ctx context.Context, before localfile.Stamp, form digest.Form) (localfile.Stamp, error) {
	now, err := localfile.StampOf(s.Path)
	if err != nil {
		return localfile.Stamp{}, err
	}
	if noted, err := digest.FormOf(before.Digest); err == nil && noted == form && now.Same(before) {
		return before, nil
	}
	f, err := localfile.Open(source.Origin(s), s.Path)
	if err != nil {
		return localfile.Stamp{}, err
	}
	seen := f.Stamp()
	if im, err := transfer.FromFile(ctx, source.Origin(s), image.Checksum{}, f); err == nil { // closes f
		defer im.Close()
		if seen.Digest, err = im.Digest(ctx, form); err == nil || ctx.Err() != nil {
			return seen, err
		}
	}
	// It is not a usable image. Its digest says what it is instead.
	if f, err = localfile.Open(source.Origin(s), s.Path); err != nil {
		return localfile.Stamp{}, err
	}
	defer f.Close()
	seen = f.Stamp()
	seen.Digest, err = transfer.DigestFile(ctx, f, form)
	return seen, err
}
