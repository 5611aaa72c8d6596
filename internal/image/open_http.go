package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	userAgent    = "terraform-provider-novacron"
	maxRedirects = 10
)

// patience is how long a server may take.
type patience struct {
	connect time.Duration // to accept a connection, to finish TLS, and to begin an answer: each
	stall   time.Duration // between two bytes of the body
}

var defaultPatience = patience{connect: 30 * time.Second, stall: 60 * time.Second}

func (im *Image) openURL(ctx context.Context, p patience) error {
	response, err := im.get(ctx, p) //nolint:bodyclose // the body is im.body now, which Close closes
	if err != nil {
		return err
	}
	im.Size = response.ContentLength
	// An error of ReadAll is a cut body; its end within the head is a small file.
	head, err := io.ReadAll(io.LimitReader(im.body, headSize))
	if err != nil {
		return err
	}
	if im.Format, im.VirtualSize, err = probe(im.source, bytes.NewReader(head), im.Size); err != nil {
		return err
	}
	im.stream = io.MultiReader(bytes.NewReader(head), im.body)
	if im.Size < 0 {
		return im.spool()
	}
	return nil
}

// get asks for the URL and keeps the answer's body in im.body.
func (im *Image) get(ctx context.Context, p patience) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: p.connect}).DialContext,
		TLSHandshakeTimeout:   p.connect,
		ResponseHeaderTimeout: p.connect,
		ForceAttemptHTTP2:     true, // a DialContext would turn it off
		DisableCompression:    true, // the file as it is: its length and checksum are those of the source
	}
	im.body = &body{source: im.source, ctx: ctx, cancel: cancel, stall: p.stall, transport: transport,
		timer: time.AfterFunc(p.stall, func() { cancel(fmt.Errorf("%w for %s", ErrStalled, p.stall)) })}
	im.body.timer.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, im.source.URL, nil)
	if err != nil {
		return nil, im.source.failed("downloading", unwrapURL(err), "")
	}
	request.Header.Set("User-Agent", userAgent)
	client := &http.Client{Transport: transport, CheckRedirect: im.checkRedirect}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, im.source.failed("downloading", context.Cause(ctx), "")
		}
		return nil, im.source.failed("downloading", unwrapURL(err), "Check that the machine that runs Terraform reaches the "+
			"server and trusts its certificate; HTTPS_PROXY names a proxy.")
	}
	im.body.rc = response.Body
	if response.StatusCode != http.StatusOK {
		status := &StatusError{Code: response.StatusCode, Status: response.Status}
		if from := response.Request.URL; from.Host != request.URL.Host {
			status.From = shown(from)
		}
		return nil, im.source.failed("downloading", status, adviceOnStatus(response.StatusCode))
	}
	return response, nil
}

func (im *Image) checkRedirect(request *http.Request, via []*http.Request) error {
	request.Header.Del("Referer") // it would hand a signed URL to another server
	if len(via) > maxRedirects {
		return im.source.failed("downloading", fmt.Errorf("it was redirected more than %d times, last to %s", maxRedirects,
			shown(request.URL)), "Check the URL in a browser.")
	}
	if via[len(via)-1].URL.Scheme == "https" && request.URL.Scheme == "http" && im.want == (Checksum{}) {
		return im.source.failed("downloading", fmt.Errorf("it is redirected from https to %s, where anybody on the way could "+
			"exchange the image", shown(request.URL)), "Set a checksum to allow that, or use another mirror.")
	}
	return nil
}

// unwrapURL leaves out the URL that net/http puts into its errors: it may hold a secret.
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
		return "Check that the URL has not expired and carries the credentials that the server wants."
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		return "Apply again later, or use a mirror."
	default:
		return "Check the URL in a browser."
	}
}

// body is what a server sends; reading it fails when nothing comes for the stall time, or the context ends.
type body struct {
	source    Source
	rc        io.ReadCloser // nil until there is an answer
	ctx       context.Context
	cancel    context.CancelCauseFunc
	stall     time.Duration
	timer     *time.Timer
	transport *http.Transport
}

// Read returns a *SourceError unless the body ended where the server said it would.
func (b *body) Read(p []byte) (int, error) {
	// The time counts while the server is waited for, not while the reader is busy elsewhere.
	b.timer.Reset(b.stall)
	n, err := b.rc.Read(p)
	b.timer.Stop()
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, b.failed(err)
}

func (b *body) failed(err error) error {
	if why := context.Cause(b.ctx); why != nil {
		err = why // what closed the connection, not that it is closed
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		err = &cutError{err}
	}
	advice := "Apply again; if it happens every time, download the file by other means and use path."
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		advice = ""
	}
	return b.source.failed("downloading", err, advice)
}

// cutError says for people what io.ErrUnexpectedEOF says for programs.
type cutError struct{ error }

func (e *cutError) Error() string { return "the connection ended before the file did" }

func (e *cutError) Unwrap() error { return e.error }

// Close ends the connection, also in the middle of the body.
func (b *body) Close() {
	b.cancel(errors.New("the image was closed"))
	b.timer.Stop()
	if b.rc != nil {
		_ = b.rc.Close() // only reading: nothing can be lost
	}
	b.transport.CloseIdleConnections()
}

// spool keeps the stream in a temporary file without a name, and makes that the image's file. It hashes on the way, so
// that the digest is known and the checksum verified when it returns.
func (im *Image) spool() error {
	advice := fmt.Sprintf("The server does not tell the file's length, so it is first kept in a temporary file under %s. "+
		"Make room there, or set TMPDIR to another directory.", os.TempDir())
	file, err := os.CreateTemp("", "novacron-image-*")
	if err != nil {
		return im.source.failed("downloading", err, advice)
	}
	im.file = file
	if os.Remove(file.Name()) != nil { // Windows removes no open file
		im.discard = func() error { return os.Remove(file.Name()) }
	}
	d := newDigester(im.want)
	behind := newBehindWriter(d)
	_, err = io.Copy(io.MultiWriter(behind, file), im.stream)
	behind.end()
	if err != nil {
		return im.source.failed("downloading", err, advice)
	}
	im.stream = nil
	im.body.Close()
	im.body = nil
	if im.digest, err = d.finish(im.source); err != nil {
		return err
	}
	if err := im.useFile(file); err != nil {
		return err
	}
	return im.recognise()
}
