package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// script is a server that has one file, and answers according to a script: it sends less than
// requested, omits optional information, and cuts connections. Its answers are never false.
type script struct {
	file  []byte
	rest  []byte
	asked int
}

func (s *script) next() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

// RoundTrip implements http.RoundTripper.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.asked++; s.asked > 20 {
		return nil, errors.New("it asks without end")
	}
	choice, length := s.next(), int(s.next())
	has := func(bit int) bool { return choice>>bit&1 == 1 }
	answer := &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r, ContentLength: -1,
	}
	answer.Header.Set("ETag", `"one"`)
	from, ranged := 0, false
	if span := r.Header.Get("Range"); span != "" && has(0) {
		_, _ = fmt.Sscanf(span, "bytes=%d-", &from)
		ranged = true
	}
	body := s.file[min(from, len(s.file)):]
	switch {
	case has(6):
		answer.StatusCode, body, ranged = http.StatusServiceUnavailable, nil, false
	case ranged && from >= len(s.file):
		if answer.StatusCode, body = http.StatusRequestedRangeNotSatisfiable, nil; has(1) {
			answer.Header.Set("Content-Range", "bytes */"+strconv.Itoa(len(s.file)))
		}
		ranged = false
	case ranged && has(7): // a part of the requested range
		body = body[:1+length%len(body)]
	}
	if ranged {
		total := "*"
		if has(1) {
			total = strconv.Itoa(len(s.file))
		}
		answer.StatusCode = http.StatusPartialContent
		answer.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%s", from, from+len(body)-1, total))
	}
	sent, end := body, io.EOF
	switch {
	case has(2):
		answer.ContentLength = int64(len(body))
	case has(3):
		answer.TransferEncoding = []string{"chunked"}
	}
	if has(4) && len(body) > 0 {
		if sent = body[:length%len(body)]; has(2) || has(3) { // the length shows it
			end = io.ErrUnexpectedEOF
		}
	}
	answer.Body = io.NopCloser(&scripted{r: bytes.NewReader(sent), end: end, together: has(5)})
	return answer, nil
}

// scripted reads to its own end, which may come with the last bytes.
type scripted struct {
	r        *bytes.Reader
	end      error
	together bool
}

func (s *scripted) Read(p []byte) (int, error) {
	n, _ := s.r.Read(p)
	if s.r.Len() == 0 && (s.together || n == 0) {
		return n, s.end
	}
	return n, nil
}

// FuzzDownload downloads from servers of all kinds. The result is the beginning of the file, and
// all of it if the file has ended, unless the download reports that nothing has shown the end.
func FuzzDownload(f *testing.F) {
	f.Add([]byte{0b00001000, 0})
	f.Add([]byte{0b00011000, 100, 0b10000101, 100, 0b00000111, 0})
	f.Add([]byte{0b00011000, 100, 0b10000101, 99, 0b10000001, 255, 0b00000011, 0})
	f.Add([]byte{0b00010000, 100})
	f.Add([]byte{0b00010100, 100, 0b00001000, 0})
	f.Add([]byte{0b01000000, 0, 0b00111000, 7, 0b00010001, 9, 0b00000001, 0})
	file := imagetest.RawDisk(1024)[300:601]
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDownload(t.Context(), Source{URL: "http://example.org/disk"}, patience{stall: time.Hour, retry: 1})
		defer d.close(errors.New("the end"))
		d.client = &http.Client{Transport: &script{file: file, rest: data}}
		if err := d.connect(); err != nil {
			imagetest.WantBlamed(t, err, "url")
			return
		}
		got, err := io.ReadAll(d)
		if !bytes.HasPrefix(file, got) {
			t.Fatalf("it has %d bytes that are not the beginning of the file", len(got))
		}
		switch {
		case err != nil:
			imagetest.WantBlamed(t, err, "url")
		case len(got) < len(file) && !d.unproved():
			t.Fatalf("%d bytes of %d were taken for whole", len(got), len(file))
		case d.size >= 0 && d.size != int64(len(file)):
			t.Fatalf("its size is told as %d", d.size)
		}
	})
}

// FuzzContentRange reads back what it wrote, and rejects what makes no sense.
func FuzzContentRange(f *testing.F) {
	for _, text := range []string{
		"bytes 0-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes 0-10/10", "bytes -1-5/10",
		"bytes 0-9223372036854775807/*",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := contentRange(text)
		if !ok {
			return
		}
		if r.first < 0 || r.last < r.first || r.last == math.MaxInt64 || r.total >= 0 && r.total <= r.last ||
			r.total < -1 {
			t.Errorf("%q is %+v", text, r)
		}
	})
}
