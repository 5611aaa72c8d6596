package transfer

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// Source says where an image is: exactly one of Path, URL, Volume and Instance is set.
type Source struct {
	Path     string            // a regular file on this machine, absolute or relative to the working directory
	URL      string            // http or https; userinfo becomes basic authentication
	Headers  map[string]string // sent with requests for the URL, to its own server only; secret
	Stall    time.Duration     // how long a server may send nothing; 0 for DefaultStall
	Volume   string            // "pool/volume" on the host that the image is stored on
	Instance string            // UUID of an instance there, whose system disk is the image
	Checksum string            // "", "sha256:HEX" or "sha512:HEX" of the file as it is at the source
}

// DefaultStall is how long a server may send nothing where a source does not say.
const DefaultStall = 60 * time.Second

// Validate says whether the source can be meant at all, without touching file or network. It returns a *SourceError.
func (s Source) Validate() error {
	given := s.given()
	switch {
	case len(given) == 0:
		return image.Blame("path", "looking for the image", errors.New("no source is given"),
			"Set one of path, url, volume and instance_id.")
	case len(given) > 1:
		return image.Blame(given[1], "looking for the image", errors.New(strings.Join(given, " and ")+" are given"),
			"Keep the one to read the image from.")
	}
	check := map[string]func() error{"path": s.validatePath, "url": s.validateURL, "volume": s.validateVolume, "instance_id": s.validateInstance}[given[0]]
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	if s.URL == "" && len(s.Headers) > 0 {
		return s.invalid("headers", "headers are sent with requests for a url", "Leave them out.")
	}
	if s.Checksum != "" {
		if _, err := image.ParseChecksum(s.Checksum); err != nil {
			return err
		}
	}
	return s.validateHeaders()
}

// given lists the attributes that say where the image is.
func (s Source) given() []string {
	all := map[string]string{"path": s.Path, "url": s.URL, "volume": s.Volume, "instance_id": s.Instance}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	names := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(names, func(a, b string) int { return attributeOrder[a] - attributeOrder[b] })
	return names
}

var attributeOrder = map[string]int{"path": 0, "url": 1, "volume": 2, "instance_id": 3}

// Same tells whether two sources lead to one place, and want the same of what is there.
func (s Source) Same(t Source) bool {
	return s.Path == t.Path && s.URL == t.URL && s.Volume == t.Volume && s.Instance == t.Instance && s.Checksum == t.Checksum
}

// KnownDigest gives the digest ("sha256:hex") of the image where the source's checksum already tells it.
func (s Source) KnownDigest() (digest string, known bool) {
	c, err := image.ParseChecksum(s.Checksum)
	if err != nil {
		return "", false
	}
	return c.Digest()
}

// validatePath does not repeat what it finds: a URL may have a password in it.
func (s Source) validatePath() error {
	scheme, _, found := strings.Cut(s.Path, "://")
	switch scheme = strings.ToLower(scheme); {
	case found && (scheme == "http" || scheme == "https"):
		return image.Blame("path", "looking for the image", errors.New("path is a URL"),
			"Use url for an image on a web server: source = { url = \""+scheme+"://…\" }.")
	case found && scheme == "file":
		return image.Blame("path", "looking for the image", errors.New("path is a URL"),
			"Write the file's path without file://.")
	}
	return nil
}

// validateURL leaves out the parser's own words: they quote pieces of the URL, which may be pieces of a password.
func (s Source) validateURL() error {
	invalid := func(problem, advice string) error {
		return image.Blame("url", "reading the URL "+s.String(), errors.New(problem), advice)
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return invalid("it cannot be parsed", "Percent-encode special characters in it, above all in user name and "+
			"password.")
	case u.Scheme == "file":
		return invalid("file URLs are not downloaded", "Use path for a file on this machine.")
	case u.Scheme != "http" && u.Scheme != "https":
		return invalid("its scheme is not http or https", "Use an http or https URL, or path for a file on this machine.")
	case u.Hostname() == "":
		return invalid("it names no host", "Write it as https://HOST/PATH.")
	}
	return nil
}

// String names the source in messages. Of a URL it leaves out user name, password, query and fragment: signed URLs carry
// their secret in the query.
func (s Source) String() string {
	switch {
	case s.Volume != "":
		return "volume " + s.Volume
	case s.Instance != "":
		return "the system disk of instance " + s.Instance
	case s.URL == "":
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
	if given := s.given(); len(given) > 0 {
		return given[0]
	}
	return "path"
}

// origin is where the source's image comes from, as findings about it say.
func (s Source) origin() image.Origin {
	return image.Origin{Name: s.String(), Attribute: s.attribute()}
}

// Open finds the image, recognises it by its content (never by its name) and makes it ready to be sent. ctx bounds the whole
// life of a download, not Open alone. Errors are those of FromFile.
func Open(ctx context.Context, s Source) (*Image, error) {
	return open(ctx, s, patience{connect: defaultConnect, stall: s.Stall, retry: defaultRetry})
}

func open(ctx context.Context, s Source, p patience) (*Image, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	switch {
	case s.Path != "":
		file, err := localfile.Open(s.origin(), s.Path)
		if err != nil {
			return nil, err
		}
		return FromFile(ctx, s.origin(), s.want(), file)
	case s.URL != "":
		return openURL(ctx, s, p)
	default:
		return nil, s.origin().Failed("opening", errors.New("it is on a host"), "")
	}
}

// OpenStream is Open for a source that somebody else reads. Size is how many bytes r has. The image closes r, also when
// OpenStream fails; that makes a read fail that is going on.
func OpenStream(s Source, r io.ReadCloser, size int64) (*Image, error) {
	if err := s.Validate(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return FromStream(s.origin(), s.want(), Stream{Reader: r, Size: size, Abort: func(error) { _ = r.Close() }})
}

// want is the source's checksum; zero for none.
func (s Source) want() image.Checksum {
	c, _ := image.ParseChecksum(s.Checksum) // which Validate has let pass
	return c
}
