package image

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// open asks for the file from where the download is.
func (d *download) open() error {
	d.drop()
	request, err := http.NewRequestWithContext(d.ctx, http.MethodGet, d.source.URL, nil)
	if err != nil {
		return unwrapURL(err)
	}
	request.Header.Set("User-Agent", userAgent)
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
		return fmt.Errorf("%w: it is shorter now", ErrOther)
	case response.StatusCode == http.StatusOK:
		return d.startOver(response)
	}
	status := &StatusError{Code: response.StatusCode, Status: response.Status, retryAfter: retryAfter(response.Header.Get("Retry-After"))}
	if from := response.Request.URL; from.Host != request.URL.Host {
		status.From = shown(from)
	}
	d.drop()
	return status
}

// drop closes the present answer.
func (d *download) drop() {
	if d.rc != nil {
		_ = d.rc.Close() // only reading: nothing can be lost
		d.rc = nil
	}
}

// goOn takes an answer that has what is still missing.
func (d *download) goOn(response *http.Response) error {
	from, total, ok := contentRange(response.Header.Get("Content-Range"))
	if !ok || from != d.at {
		d.whole = true
		return fmt.Errorf("asked for the bytes from %d on, the server sent others: %w", d.at, errRange)
	}
	if etag := response.Header.Get("ETag"); total >= 0 && d.size >= 0 && total != d.size || etag != d.etag && etag != "" && d.etag != "" {
		return ErrOther
	}
	return nil
}

// errRange is passing: all is asked for then.
var errRange = errors.New("it does not keep to ranges")

// startOver takes an answer that has the whole file. What was had already must be in it, and is passed over.
func (d *download) startOver(response *http.Response) error {
	if d.at == 0 {
		d.size, d.etag = response.ContentLength, response.Header.Get("ETag")
		d.validator = validator(response.Header)
		d.endless = d.size < 0 && response.ProtoMajor == 1 && len(response.TransferEncoding) == 0
		return nil
	}
	if length := response.ContentLength; length >= 0 && d.size >= 0 && length != d.size {
		return fmt.Errorf("%w: it has %d bytes now, and had %d", ErrOther, length, d.size)
	}
	var again maphash.Hash
	again.SetSeed(d.had.Seed())
	buf := make([]byte, behindBufferSize)
	for left := d.at; left > 0; {
		n, err := d.read(buf[:min(left, int64(len(buf)))])
		_, _ = again.Write(buf[:n]) // never fails
		left -= int64(n)
		if err != nil && left > 0 {
			if why := context.Cause(d.ctx); why != nil {
				return why
			}
			return &cutError{io.ErrUnexpectedEOF}
		}
	}
	if again.Sum64() != d.had.Sum64() {
		return ErrOther
	}
	return nil
}

// validator is what makes sure that a range is of the same file. A weak ETag does not, nor does a date so shortly before the
// answer's that the file may have changed twice within its second (RFC 9110, sections 8.8.2.2 and 13.1.5).
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

// contentRange reads "bytes FIRST-LAST/TOTAL"; a TOTAL of "*" is -1.
func contentRange(text string) (first, total int64, ok bool) {
	rest, isBytes := strings.CutPrefix(text, "bytes ")
	span, whole, hasTotal := strings.Cut(rest, "/")
	from, _, hasLast := strings.Cut(span, "-")
	first, err := strconv.ParseInt(from, 10, 64)
	if !isBytes || !hasTotal || !hasLast || err != nil {
		return 0, 0, false
	}
	if whole == "*" {
		return first, -1, true
	}
	total, err = strconv.ParseInt(whole, 10, 64)
	return first, total, err == nil
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

// passing tells whether what went wrong may well go right soon. What has taken long is not tried again.
func passing(err error) bool {
	if status, ok := errors.AsType[*StatusError](err); ok {
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
	_, ours := errors.AsType[*SourceError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	return !ours && !untrusted && !noTLS && !errors.Is(err, ErrOther)
}
