package web

import (
	"errors"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// ownHeaders are the headers that a download sets itself.
var ownHeaders = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Host", "If-Range", "Range", "Te", "Trailer",
	"Transfer-Encoding",
	"Upgrade",
}

// validateHeaders names headers, and never shows their values, which are secret.
func (s Source) validateHeaders() error {
	for _, name := range slices.Sorted(maps.Keys(s.Headers)) {
		switch {
		case name == "" || strings.ContainsFunc(name, notToken):
			return s.invalid("headers", image.Quote(name)+" is not the name of a header",
				"A name has letters, digits and hyphens.")
		case slices.Contains(ownHeaders, textproto.CanonicalMIMEHeaderKey(name)):
			return s.invalid("headers", "the header "+name+" is set by the download itself", "Leave it out.")
		case strings.ContainsFunc(s.Headers[name], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return s.invalid("headers", "the value of "+name+" has line breaks or control characters",
				"If it comes from a "+
					"file, use trimspace(file(…)).")
		}
	}
	return nil
}

// notToken are the characters that no header's name has (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
}

func (s Source) invalid(attribute, problem, advice string) error {
	return image.Blame(attribute, "reading the source "+s.String(), errors.New(problem), advice)
}

// sendHeaders adds the source's headers to a request to its own server, and removes them, with any
// other credentials, from a request that leads elsewhere. via are the requests that were made
// before it. Go keeps some of them within a domain, and others always.
func (s Source) sendHeaders(request *http.Request, via []*http.Request) {
	all := append(slices.Clone(via), request)
	own := !slices.ContainsFunc(all, func(r *http.Request) bool {
		return r.URL.Scheme != all[0].URL.Scheme || r.URL.Host != all[0].URL.Host
	})
	for name, value := range s.Headers {
		if own {
			request.Header.Set(name, value)
		} else {
			request.Header.Del(name)
		}
	}
	if !own {
		request.Header.Del("Authorization")
		request.Header.Del("Cookie")
	}
}
