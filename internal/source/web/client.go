package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/source"
)

const (
	userAgent    = "terraform-provider-novacron"
	maxRedirects = 10

	defaultConnect = 30 * time.Second
	defaultRetry   = time.Second
)

// patience is how long a server may take.
type patience struct {
	connect time.Duration // to accept a connection, to finish TLS, and to begin an answer: each
	stall   time.Duration // between two bytes of the body; 0 for defaultStall
	retry   time.Duration // before the second attempt; doubled before each further one
}

// client makes requests as a source wants them.
func (s Source) client(p patience) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: p.connect}).DialContext,
			TLSHandshakeTimeout:   p.connect,
			ResponseHeaderTimeout: p.connect,
			ForceAttemptHTTP2:     true, // a DialContext would turn it off
			DisableCompression:    true, // the file as it is: its length and checksum are those of the source
		},
		CheckRedirect: s.checkRedirect,
	}
}

func (s Source) checkRedirect(request *http.Request, via []*http.Request) error {
	request.Header.Del("Referer") // it would reveal a signed URL to another server
	s.sendHeaders(request, via)
	if len(via) > maxRedirects {
		err := fmt.Errorf("it was redirected more than %d times, last to %s", maxRedirects, shown(request.URL))
		return source.Origin(s).Failed("downloading", err, "Check the URL in a browser.")
	}
	if via[len(via)-1].URL.Scheme == "https" && request.URL.Scheme == "http" && s.Checksum == "" {
		err := fmt.Errorf("it is redirected from https to %s, where an attacker on the way could replace the image",
			shown(request.URL))
		return source.Origin(s).Failed("downloading", err, "Set a checksum to allow that, or use another mirror.")
	}
	return nil
}

// unwrapURL removes the URL that net/http puts into its errors: it may contain a secret.
func unwrapURL(err error) error {
	if urlError, ok := errors.AsType[*url.Error](err); ok {
		return urlError.Err
	}
	return err
}

func adviceOnStatus(code int) string {
	switch {
	case code == http.StatusNotFound || code == http.StatusGone:
		return "Check the URL: publishers remove old releases."
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return "Check that the URL has not expired, and that it or the headers carry the credentials that the " +
			"server wants."
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		return "Apply again later, or use a mirror."
	default:
		return "Check the URL in a browser."
	}
}
