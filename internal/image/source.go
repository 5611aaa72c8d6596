// Package image knows where disk images come from and how their bytes reach a host: it checks a source, recognises the
// image by its content, and hands its bytes to a sink while hashing them. It knows nothing of libvirt or Terraform.
package image

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
)

// Format is how a disk is laid out inside an image file, by the name that QEMU and libvirt give it.
type Format string

// The formats that can be stored; anything else is refused by name.
const (
	FormatQcow2 Format = "qcow2"
	FormatRaw   Format = "raw"
)

// Source says where an image is: exactly one of Path and URL is set.
type Source struct {
	Path     string // a regular file on this machine, absolute or relative to the working directory
	URL      string // http or https; userinfo becomes basic authentication
	Checksum string // "", "sha256:HEX" or "sha512:HEX" of the file as it is at the source
}

// Validate says whether the source can be meant at all, without touching file or network. It returns a *SourceError.
func (s Source) Validate() error {
	switch {
	case s.Path == "" && s.URL == "":
		return &SourceError{attribute: "path", Tried: "looking for the image", Err: errors.New("no source is given"),
			Advice: "Set either path or url."}
	case s.Path != "" && s.URL != "":
		return &SourceError{attribute: "url", Tried: "looking for the image", Err: errors.New("path and url are both given"),
			Advice: "Keep the one that the image is to be read from."}
	}
	if s.URL != "" {
		if err := s.validateURL(); err != nil {
			return err
		}
	}
	if s.Checksum != "" {
		if _, err := ParseChecksum(s.Checksum); err != nil {
			return err
		}
	}
	return nil
}

// validateURL leaves out the parser's own words: they quote pieces of the URL, which may be pieces of a password.
func (s Source) validateURL() error {
	invalid := func(problem, advice string) error {
		return &SourceError{attribute: "url", Tried: "reading the URL " + s.String(), Err: errors.New(problem), Advice: advice}
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return invalid("it cannot be parsed", "Percent-encode what is special in it, above all in user name and password.")
	case u.Scheme == "file":
		return invalid("file URLs are not downloaded", "Use path for a file on this machine.")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("its scheme is not http or https", "Give an http or https URL, or use path for a file on this machine.")
	case u.Hostname() == "":
		return invalid("it names no host", "Write it as https://HOST/PATH.")
	}
	return nil
}

// String names the source in messages. Of a URL it leaves out user name, password, query and fragment: signed URLs carry
// their secret in the query.
func (s Source) String() string {
	if s.URL == "" {
		return s.Path
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return "(a URL that cannot be parsed)"
	}
	return shown(u)
}

func shown(u *url.URL) string {
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if u.RawQuery != "" {
		return plain.String() + "?…"
	}
	return plain.String()
}

// attribute is the field of the source that a message about its image should point at.
func (s Source) attribute() string {
	if s.URL != "" {
		return "url"
	}
	return "path"
}

// Image is an opened image whose format is known. It is not safe for concurrent use.
type Image struct {
	Format      Format
	VirtualSize int64 // bytes of the disk that a guest sees; always above 0
	Size        int64 // bytes of the file; always known, see Open

	source Source
	want   Checksum // zero when the source has no checksum

	// Of a file, and of a download that had to be kept in a file.
	file    *os.File
	opened  fs.FileInfo // as it was when it was opened: it must not change while it is read
	extents []extent
	digest  string // once it is known
	discard func() error

	// Of a download that is passed on as it arrives.
	stream io.Reader // from the first byte on; nil once it was sent
	body   *body
}

// Open finds the image, recognises it by its content (never by its name) and makes it ready to be sent.
//
// A download is passed on as it arrives. One whose length the server does not tell is first kept in an anonymous
// temporary file (in TMPDIR), because an upload to libvirt needs its length: then Open takes as long as the download, and
// verifies the checksum. ctx bounds the whole life of a download, not Open alone.
//
// Errors: *SourceError when the bytes cannot be had, *NotAnImageError when they are no disk image, *UnsupportedImageError
// when they are one that cannot be used, *ChecksumError.
func Open(ctx context.Context, s Source) (*Image, error) {
	return open(ctx, s, defaultPatience)
}

func open(ctx context.Context, s Source, p patience) (*Image, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	im := &Image{source: s}
	if s.Checksum != "" {
		want, err := ParseChecksum(s.Checksum)
		if err != nil {
			return nil, err
		}
		im.want = want
	}
	var err error
	if s.Path != "" {
		err = im.openPath()
	} else {
		err = im.openURL(ctx, p)
	}
	if err != nil {
		_ = im.Close() // nothing was written: err says all there is to say
		return nil, err
	}
	return im, nil
}

// Close releases the file or the connection. It may be called at any time, also twice.
func (im *Image) Close() error {
	var errs []error
	if im.body != nil {
		im.body.Close()
		im.body = nil
	}
	if im.file != nil {
		errs = append(errs, im.file.Close())
		im.file = nil
	}
	if im.discard != nil {
		errs = append(errs, im.discard())
		im.discard = nil
	}
	return errors.Join(errs...)
}
