package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// open requests the file from where the download is.
func (d *download) open() error {
	d.drop()
	request, err := http.NewRequestWithContext(d.ctx, http.MethodGet, d.source.URL, nil)
	if err != nil {
		return unwrapURL(err)
	}
	request.Header.Set("User-Agent", userAgent)
	// Without it, a server may choose any coding (RFC 9110, section 12.5.3).
	request.Header.Set("Accept-Encoding", "identity")
	d.source.sendHeaders(request, nil)
	ranged := d.at > 0 && !d.whole && (d.validator != "" || d.source.Checksum != "")
	if ranged {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.at))
		if d.validator != "" {
			request.Header.Set("If-Range", d.validator)
		}
	}
	response, err := d.client.Do(request) //nolint:bodyclose // the body is d.rc now, which drop closes
	if err != nil {
		return unwrapURL(err)
	}
	d.rc = response.Body
	switch {
	case ranged && response.StatusCode == http.StatusPartialContent:
		return d.goOn(response)
	case ranged && response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return d.noMore(response)
	case response.StatusCode == http.StatusOK:
		return d.startOver(response)
	}
	status := &statusError{
		Code:       response.StatusCode,
		Status:     response.Status,
		retryAfter: retryAfter(response.Header.Get("Retry-After")),
	}
	if from := response.Request.URL; from.Host != request.URL.Host {
		status.From = shown(from)
	}
	d.drop()
	return status
}

// drop closes the current answer.
func (d *download) drop() {
	if d.rc != nil {
		_ = d.rc.Close() // opened for reading only: nothing can be lost
		d.rc = nil
	}
}

// goOn takes an answer that has what is still missing, or a part of it. It may be the first answer
// that says how long the file is.
func (d *download) goOn(response *http.Response) error {
	r, ok := contentRange(response.Header.Get("Content-Range"))
	if !ok || r.first != d.at {
		d.whole = true
		return fmt.Errorf("asked for the bytes from %d on, the server sent others: %w", d.at, errRange)
	}
	etag := response.Header.Get("ETag")
	if r.total >= 0 && d.size >= 0 && r.total != d.size || etag != d.etag && etag != "" && d.etag != "" {
		return errOther
	}
	if d.size < 0 {
		d.size = r.total
	}
	d.ending, d.until = endsWithRange, r.last+1
	d.rc = part{io.LimitReader(response.Body, r.last+1-d.at), response.Body}
	return nil
}

// part is the part of a body that belongs to the range that its answer announced.
type part struct {
	io.Reader
	io.Closer
}

// readAgain is how much of the part that was read before is read at once, in bytes.
const readAgain = 256 << 10

// errRange is temporary: then the whole file is requested.
var errRange = errors.New("it does not respect ranges")

// noMore takes the answer that the file has nothing more. If the file's length was unknown, it is
// now known.
func (d *download) noMore(response *http.Response) error {
	text, unit := strings.CutPrefix(response.Header.Get("Content-Range"), "bytes */")
	total, err := strconv.ParseInt(text, 10, 64)
	switch told := unit && err == nil; {
	case d.size >= 0 || told && total != d.at:
		return fmt.Errorf("%w: it is shorter now", errOther)
	case told:
		d.size = total
	}
	d.drop()
	d.rc, d.ending = http.NoBody, endsUntold
	return nil
}

// startOver takes an answer that has the whole file. It must begin with what was read before, which
// is skipped.
func (d *download) startOver(response *http.Response) error {
	d.ending = endsTold
	if response.ContentLength < 0 && response.ProtoMajor == 1 && len(response.TransferEncoding) == 0 {
		d.ending = endsUntold
	}
	length := response.ContentLength
	if d.at == 0 {
		d.size, d.etag = length, response.Header.Get("ETag")
		d.validator = validator(response.Header)
		return nil
	}
	switch {
	case length >= 0 && d.size >= 0 && length != d.size:
		return fmt.Errorf("%w: it has %d bytes now, and had %d", errOther, length, d.size)
	case length >= 0 && length < d.at:
		return fmt.Errorf("%w: it has %d bytes now, and had %d at least", errOther, length, d.at)
	case length >= 0:
		d.size = length
	}
	var again maphash.Hash
	again.SetSeed(d.had.Seed())
	buf := make([]byte, readAgain)
	for left := d.at; left > 0; {
		n, err := d.read(buf[:min(left, int64(len(buf)))])
		_, _ = again.Write(buf[:n]) // never fails
		left -= int64(n)
		if err != nil && left > 0 {
			if why := context.Cause(d.ctx); why != nil {
				return why
			}
			return &image.CutError{Err: io.ErrUnexpectedEOF}
		}
	}
	if again.Sum64() != d.had.Sum64() {
		return errOther
	}
	return nil
}

// validator is what ensures that a range is of the same file. A weak ETag does not, nor does a date
// so shortly before the answer's that the file may have changed twice within its second (RFC 9110,
// sections 8.8.2.2 and 13.1.5).
func validator(h http.Header) string {
	if etag := h.Get("ETag"); etag != "" {
		if strings.HasPrefix(etag, "W/") {
			return ""
		}
		return etag
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	sent, errSent := http.ParseTime(h.Get("Date"))
	if err != nil || errSent != nil || sent.Sub(modified) < time.Minute {
		return ""
	}
	return h.Get("Last-Modified")
}

// byteRange is the content of a Content-Range (RFC 9110, section 14.4): the first and the last byte
// that an answer has, and the size of the file; -1 if not announced.
type byteRange struct{ first, last, total int64 }

// contentRange reads "bytes FIRST-LAST/TOTAL", where TOTAL may be "*".
func contentRange(text string) (r byteRange, ok bool) {
	rest, isBytes := strings.CutPrefix(text, "bytes ")
	span, whole, hasTotal := strings.Cut(rest, "/")
	from, to, hasLast := strings.Cut(span, "-")
	if !isBytes || !hasTotal || !hasLast {
		return r, false
	}
	var errs [3]error
	r.first, errs[0] = strconv.ParseInt(from, 10, 64)
	r.last, errs[1] = strconv.ParseInt(to, 10, 64)
	if r.total = -1; whole != "*" {
		r.total, errs[2] = strconv.ParseInt(whole, 10, 64)
	}
	ok = errors.Join(errs[:]...) == nil && 0 <= r.first && r.first <= r.last && r.last < math.MaxInt64 &&
		(whole == "*" || r.last < r.total)
	return r, ok
}

// retryAfter reads seconds or a date; 0 for neither.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// passing reports whether a retry may well succeed soon. After an error that took long, it is not
// retried.
func passing(err error) bool {
	if status, ok := errors.AsType[*statusError](err); ok {
		switch status.Code {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return false
	}
	_, ours := errors.AsType[*image.SourceError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	return !ours && !untrusted && !noTLS && !errors.Is(err, errOther)
}
