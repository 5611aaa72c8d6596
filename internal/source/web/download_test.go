package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// flaky serves files, and cuts each answer after some bytes.
type flaky struct {
	files     [][]byte // one after another; the last from then on
	cut       int      // bytes of an answer; 0 for all
	etag      bool
	modified  bool
	ranges    bool
	ifRange   bool // keeps to If-Range
	asked     []string
	status    []int // of the first answers; 0 for the requested one
	refuseAll bool
}

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := len(f.asked)
	f.asked = append(f.asked, r.Header.Get("Range"))
	if n < len(f.status) && f.status[n] != 0 || f.refuseAll {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	file := f.files[min(n, len(f.files)-1)]
	sum := `"` + imagetest.SHA256(file) + `"`
	if f.etag {
		w.Header().Set("ETag", sum)
	}
	if f.modified {
		w.Header().Set("Last-Modified", time.Now().Add(-time.Hour).Truncate(time.Hour).UTC().Format(http.TimeFormat))
	}
	from, code := 0, http.StatusOK
	span, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if ok && f.ranges && (!f.ifRange || r.Header.Get("If-Range") == sum) {
		if from, _ = strconv.Atoi(strings.TrimSuffix(span, "-")); from >= len(file) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		code = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(file)-1, len(file)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(file)-from))
	w.WriteHeader(code)
	rest := file[from:]
	if f.cut > 0 && f.cut < len(rest) {
		_, _ = w.Write(rest[:f.cut])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(rest)
}

// fetch downloads from a server, and verifies a checksum only if one is given.
func fetch(t *testing.T, f *flaky, s Source) ([]byte, error) {
	t.Helper()
	s.URL = serve(t, f.ServeHTTP)
	im, err := open(t.Context(), s, impatient)
	if err != nil {
		return nil, err
	}
	defer im.Close()
	var sink imagetest.Sink
	got, err := im.Send(t.Context(), &sink)
	if err == nil && got.Digest != imagetest.Digest(sink.Data) {
		t.Errorf("the digest is %s, that of what was sent %s", got.Digest, imagetest.Digest(sink.Data))
	}
	return sink.Data, err
}

func TestADownloadThatIsCutGoesOn(t *testing.T) {
	const half = 1500 << 10
	for name, c := range map[string]struct {
		server flaky
		source Source
		ranged bool
	}{
		"by range, same ETag": {
			flaky{cut: half, etag: true, ranges: true, ifRange: true}, Source{}, true,
		},
		"by range, same date": {flaky{cut: half, modified: true, ranges: true}, Source{}, true},
		"by range, trusting the checksum": {
			flaky{cut: half, ranges: true}, Source{Checksum: imagetest.SHA256(long)}, true,
		},
		"anew, where ranges are unknown":    {flaky{files: [][]byte{long}, cut: 3 << 20, etag: true}, Source{}, true},
		"anew, where nothing tells changes": {flaky{cut: 3 << 20, ranges: true}, Source{}, false},
		"after being asked to wait":         {flaky{status: []int{503, 503, 503}}, Source{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.files = [][]byte{long}
			if strings.HasPrefix(name, "anew") { // it never gets further: the second attempt is whole
				whole := c.server
				whole.cut = 0
				first := true
				url := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if first {
						first = false
						c.server.ServeHTTP(w, r)
						return
					}
					whole.ServeHTTP(w, r)
				})
				im, err := open(t.Context(), Source{URL: url}, impatient)
				if err != nil {
					t.Fatal(err)
				}
				defer im.Close()
				var sink imagetest.Sink
				if _, err := im.Send(t.Context(), &sink); err != nil || !bytes.Equal(sink.Data, long) {
					t.Errorf("got %d bytes of %d, %v", len(sink.Data), len(long), err)
				}
				if asked := whole.asked[0] != ""; asked != c.ranged {
					t.Errorf("a range was asked for: %v", asked)
				}
				return
			}
			got, err := fetch(t, &c.server, c.source)
			if err != nil || !bytes.Equal(got, long) {
				t.Errorf("got %d bytes of %d, %v", len(got), len(long), err)
			}
			for n, asked := range c.server.asked {
				if want := n > 0 && c.ranged; (asked != "") != want {
					t.Errorf("request %d asked for the range %q", n, asked)
				}
			}
		})
	}
}

// The file on a server may be replaced between two attempts. The result is never a mix.
func TestAFileThatChangesBetweenAttemptsIsAnError(t *testing.T) {
	other := bytes.Clone(long)
	other[100] ^= 1 // in the part that was read already
	shorter := long[:2<<20]
	for name, c := range map[string]struct {
		server flaky
		second []byte
	}{
		"told by If-Range":                 {flaky{etag: true, ranges: true, ifRange: true}, other},
		"told by the ETag of a range":      {flaky{etag: true, ranges: true}, other},
		"told by what was had":             {flaky{}, other},
		"told by what was had, no ranges":  {flaky{modified: true}, other},
		"told by its length":               {flaky{etag: true, ranges: true}, shorter},
		"told by its length, not by range": {flaky{}, shorter},
	} {
		t.Run(name, func(t *testing.T) {
			c.server.files, c.server.cut = [][]byte{long, c.second}, 3<<20
			_, err := fetch(t, &c.server, Source{})
			if !errors.Is(err, errOther) {
				t.Errorf("the error is %v", err)
			}
			imagetest.WantBlamed(t, err, "url")
		})
	}
	// A range of another file of the same length, without any validators, does not have the checksum.
	server := flaky{files: [][]byte{long, other}, cut: 3 << 20, ranges: true}
	other[3<<20+5] ^= 1
	_, err := fetch(t, &server, Source{Checksum: imagetest.SHA256(long)})
	imagetest.WantError[*image.ChecksumError](t, err)
}

func TestADownloadIsGivenUpWhenNothingMoreComes(t *testing.T) {
	for name, c := range map[string]struct {
		server   flaky
		requests int
	}{
		"cut where it was, always": {flaky{files: [][]byte{long}, cut: 200 << 10}, 4},
		"unavailable":              {flaky{refuseAll: true}, 4},
		"ranges bring a little":    {flaky{files: [][]byte{long}, cut: 100 << 10, etag: true, ranges: true}, 4},
		"first answer, then no more": {
			flaky{files: [][]byte{long}, cut: 1<<20 + 9, status: []int{0, 503, 503, 503, 503}}, 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(t, &c.server, Source{})
			imagetest.WantError[*image.SourceError](t, err)
			if !strings.Contains(err.Error(), "after 4 attempts") || len(c.server.asked) < c.requests {
				t.Errorf("after %d requests: %v", len(c.server.asked), err)
			}
		})
	}
}

func TestWaitingToTryAgainEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		cancel()
	})
	_, err := Source{URL: url}.Open(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestHeadersGoToTheirServerOnly(t *testing.T) {
	headers := map[string]string{"Authorization": "Bearer hunter2", "Private-Token": "hunter3"}
	seen := func(r *http.Request) string {
		return r.Header.Get("Authorization") + " " + r.Header.Get("Private-Token")
	}
	const all = "Bearer hunter2 hunter3"
	var home *httptest.Server
	var atHome, away []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		away = append(away, seen(r))
		if r.URL.Path == "/back" {
			http.Redirect(w, r, home.URL+"/file", http.StatusFound)
			return
		}
		_, _ = w.Write(imagetest.RawDisk(4096))
	}))
	defer other.Close()
	home = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		atHome = append(atHome, seen(r))
		switch r.URL.Path {
		case "/file":
			_, _ = w.Write(imagetest.RawDisk(4096))
		case "/here":
			http.Redirect(w, r, "/file", http.StatusFound)
		default:
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
		}
	}))
	defer home.Close()
	for _, c := range []struct {
		path         string
		atHome, away []string
	}{
		{"/file", []string{all}, nil},
		{"/here", []string{all, all}, nil},
		{"/away", []string{all}, []string{" "}},
		{"/back", []string{all, " "}, []string{" "}}, // sent back by another server, it is no more ours to say
	} {
		atHome, away = nil, nil
		opened(t, Source{URL: home.URL + c.path, Headers: headers})
		if fmt.Sprint(atHome) != fmt.Sprint(c.atHome) || fmt.Sprint(away) != fmt.Sprint(c.away) {
			t.Errorf("%s: seen %q at home and %q away, want %q and %q", c.path, atHome, away, c.atHome, c.away)
		}
	}
	_, err := Source{URL: serve(t, http.NotFound), Headers: headers}.Open(t.Context())
	if err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("the error tells a secret, or there is none: %v", err)
	}
}

// An old server ends a file by closing the connection, and a connection that breaks looks the same.
func TestAFileThatEndsWithItsConnectionNeedsAChecksum(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, out, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = out.WriteString("HTTP/1.0 200 OK\r\n\r\n")
		_, _ = out.Write(long)
		_ = out.Flush()
	})
	_, err := Source{URL: url}.Open(t.Context())
	if said := imagetest.WantError[*image.SourceError](t, err); !strings.Contains(said.Error(), "Set a checksum") {
		t.Errorf("the error is %v", err)
	}
	var sink imagetest.Sink
	im := opened(t, Source{URL: url, Checksum: imagetest.SHA256(long)})
	if _, err := im.Send(t.Context(), &sink); err != nil || !bytes.Equal(sink.Data, long) {
		t.Errorf("got %d bytes of %d, %v", len(sink.Data), len(long), err)
	}
}
