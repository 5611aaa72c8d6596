// Package web has the kind of source that is a file on a web server.
package web

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// Kind creates sources from the attributes url, headers and stall_timeout_seconds.
var Kind = source.Kind{
	Attribute: "url",
	Alone:     map[string]string{"headers": "headers are sent with requests for a url"},
	New: func(s source.Settings) source.Source {
		return Source{
			URL:      s.Text("url"),
			Headers:  s.Texts("headers"),
			Stall:    s.Seconds("stall_timeout_seconds"),
			Checksum: s.Text("checksum"),
		}
	},
}

// defaultStall is how long a server may send nothing if a source does not say.
const defaultStall = 60 * time.Second

// Source is a file on a web server.
type Source struct {
	URL      string            // http or https; userinfo becomes basic authentication
	Headers  map[string]string // sent with requests for the URL, to its own server only; secret
	Stall    time.Duration     // how long the server may send nothing; 0 for defaultStall
	Checksum string            // "", "sha256:HEX" or "sha512:HEX" of the file
}

// String implements source.Source. It leaves out user name, password, query and fragment: signed
// URLs carry their secret in the query.
func (s Source) String() string {
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

// Attribute implements source.Source.
func (Source) Attribute() string { return "url" }

// Validate implements source.Source.
func (s Source) Validate() error {
	if err := s.validateURL(); err != nil {
		return err
	}
	if err := source.ValidateChecksum(s.Checksum); err != nil {
		return err
	}
	return s.validateHeaders()
}

// validateURL leaves out the parser's own message: it quotes pieces of the URL, which may be pieces
// of a password.
func (s Source) validateURL() error {
	invalid := func(problem, advice string) error {
		return image.Blame("url", "reading the URL "+s.String(), errors.New(problem), advice)
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return invalid("it cannot be parsed",
			"Percent-encode special characters in it, above all in user name and password.")
	case u.Scheme == "file":
		return invalid("file URLs are not downloaded", "Use path for a file on this machine.")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("its scheme is not http or https",
			"Use an http or https URL, or path for a file on this machine.")
	case u.Hostname() == "":
		return invalid("it names no host", "Write it as https://HOST/PATH.")
	}
	return nil
}

// Same implements source.Source. The way in which a server is asked does not change the image.
func (s Source) Same(other source.Source) bool {
	o, is := other.(Source)
	return is && o.URL == s.URL && o.Checksum == s.Checksum
}

// Expected implements source.Source.
func (s Source) Expected() image.Checksum { return source.Expect(s.Checksum) }

// Open implements source.Source.
func (s Source) Open(ctx context.Context) (*transfer.Image, error) {
	return open(ctx, s, s.patience())
}

func (s Source) patience() patience {
	return patience{connect: defaultConnect, stall: s.Stall, retry: defaultRetry}
}

func open(ctx context.Context, s Source, p patience) (*transfer.Image, error) {
	from, err := stream(ctx, s, p)
	if err != nil {
		return nil, err
	}
	return transfer.FromStream(source.Origin(s), s.Expected(), from)
}

// stream begins a download.
func stream(ctx context.Context, s Source, p patience) (transfer.Stream, error) {
	if err := s.Validate(); err != nil {
		return transfer.Stream{}, err
	}
	if p.stall == 0 {
		p.stall = defaultStall
	}
	d := newDownload(ctx, s, p)
	if err := d.connect(); err != nil {
		d.close(err)
		return transfer.Stream{}, err
	}
	return transfer.Stream{Reader: d, Size: d.size, Abort: d.close, Untold: d.untold}, nil
}
