package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func opened(t *testing.T, s Source) *transfer.Image {
	t.Helper()
	im, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := im.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return im
}

// impatient retries at once.
var impatient = patience{connect: 10 * time.Second, stall: 10 * time.Second, retry: time.Millisecond}

// long is longer than the head that is probed, so that a body is left to go wrong.
var long = imagetest.RawDisk(4 << 20)

func TestADownloadIsPassedOn(t *testing.T) {
	for name, data := range map[string][]byte{
		"small": imagetest.RawDisk(1024), "long": long, "qcow2": imagetest.Qcow2(nil),
	} {
		t.Run(name, func(t *testing.T) {
			var agent, user, password string
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if encoding := r.Header.Get("Accept-Encoding"); encoding != "identity" {
					t.Errorf("the file is asked for as %s: its length and checksum would be another's", encoding)
				}
				agent = r.UserAgent()
				user, password, _ = r.BasicAuth()
				w.Header().Set("Content-Length", strconv.Itoa(len(data)))
				_, _ = w.Write(data)
			})
			im := opened(t, Source{URL: strings.Replace(url, "//", "//me:pw@", 1), Checksum: imagetest.SHA512(data)})
			if im.Size != int64(len(data)) {
				t.Errorf("Size is %d", im.Size)
			}
			if _, err := im.Digest(t.Context(), digest.Current); err == nil {
				t.Error("a digest is known before the download")
			}
			var sink imagetest.Sink
			var told string
			var sent, total int64
			got, err := im.Send(t.Context(), &sink, transfer.OnDigest(func(digest string) error {
				told = digest
				return nil
			}),
				transfer.OnProgress(func(s, of int64) { sent, total = s, of }))
			if err != nil {
				t.Fatal(err)
			}
			want := transfer.Result{Digest: imagetest.Digest(data), Transferred: im.Size, Size: im.Size}
			if got != want || told != want.Digest || sent != im.Size || total != im.Size {
				t.Errorf("Send = %+v, told %s and %d of %d; want %+v", got, told, sent, total, want)
			}
			if !bytes.Equal(sink.Data, data) {
				t.Error("the sink holds other bytes than the server sent")
			}
			if agent != "terraform-provider-novacron" || user != "me" || password != "pw" {
				t.Errorf("the server saw %q, %q, %q", agent, user, password)
			}
			_, err = im.Send(t.Context(), &sink)
			imagetest.WantError[*image.SourceError](t, err)
		})
	}
}

func TestADownloadOfUnknownLengthIsPassedOn(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush() // chunked from here on
		_, _ = w.Write(long)
	})
	im := opened(t, Source{URL: url, Checksum: imagetest.SHA256(long)})
	if im.Size != -1 || im.VirtualSize != 0 {
		t.Errorf("before: Size is %d, VirtualSize %d", im.Size, im.VirtualSize)
	}
	var sink imagetest.Sink
	got, err := im.Send(t.Context(), &sink)
	size := int64(len(long))
	want := transfer.Result{Digest: imagetest.Digest(long), Transferred: size, Size: size}
	if err != nil || got != want || !bytes.Equal(sink.Data, long) {
		t.Errorf("Send = %+v, %v; want %+v", got, err, want)
	}
	if im.Size != int64(len(long)) || im.VirtualSize != im.Size {
		t.Errorf("after: Size is %d, VirtualSize %d", im.Size, im.VirtualSize)
	}
}

func TestADownloadWithAnotherChecksumIsToldWhenItWasSent(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(long)))
		_, _ = w.Write(long)
	})
	im := opened(t, Source{URL: url, Checksum: imagetest.SHA256(nil)})
	told := transfer.OnDigest(func(string) error { t.Error("the digest was told"); return nil })
	_, err := im.Send(t.Context(), &imagetest.Sink{}, told)
	imagetest.WantError[*image.ChecksumError](t, err)
}

func TestAnswersOtherThan200AreErrors(t *testing.T) {
	for _, code := range []int{204, 206, 304, 401, 404, 410, 429, 503} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
		_, err := open(t.Context(), Source{URL: url}, impatient)
		if status := imagetest.WantError[*statusError](t, err); status.Code != code {
			t.Errorf("answer %d is told as %d", code, status.Code)
		}
		imagetest.WantBlamed(t, err, "url")
	}
}

func TestACutBodyIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		announce bool
		sent     int
	}{
		"within the head": {true, 100 << 10}, "later": {true, 3 << 20},
		"of unknown length, within the head": {false, 100 << 10}, "of unknown length, later": {false, 3 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.announce {
					w.Header().Set("Content-Length", strconv.Itoa(len(long)))
				}
				_, _ = w.Write(long[:c.sent])
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			im, err := open(t.Context(), Source{URL: url}, impatient)
			if err == nil {
				_, err = im.Send(t.Context(), &imagetest.Sink{})
				_ = im.Close()
			}
			imagetest.WantError[*image.SourceError](t, err)
			imagetest.WantBlamed(t, err, "url")
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAServerThatStallsIsGivenUp(t *testing.T) {
	for name, sent := range map[string]int{"before the answer": -1, "within the head": 1024, "later": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if sent >= 0 {
					w.Header().Set("Content-Length", strconv.Itoa(len(long)))
					_, _ = w.Write(long[:sent])
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			})
			short := patience{connect: 2 * time.Second, stall: time.Second, retry: time.Millisecond}
			im, err := open(t.Context(), Source{URL: url}, short)
			if err == nil {
				_, err = im.Send(t.Context(), &imagetest.Sink{})
				_ = im.Close()
			}
			imagetest.WantError[*image.SourceError](t, err)
			imagetest.WantBlamed(t, err, "url")
			if sent >= 0 && !errors.Is(err, errStalled) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestADownloadEndsWithItsContext(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(long)))
		_, _ = w.Write(long[:3<<20])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	why := errors.New("interrupted")
	for _, whose := range []string{"Open", "Send"} {
		t.Run(whose, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			openCtx, sendCtx := ctx, t.Context()
			if whose == "Send" {
				openCtx, sendCtx = sendCtx, openCtx
			}
			im, err := Source{URL: url}.Open(openCtx)
			if err != nil {
				t.Fatal(err)
			}
			left := 3 << 20
			sink := sinkFunc(func(_ context.Context, r io.Reader, _, _ int64) error {
				part := make([]byte, 4096)
				for {
					if left <= 0 {
						cancel(why) // while the sink waits for a byte that never comes
					}
					n, err := r.Read(part)
					if left -= n; err != nil {
						return err
					}
				}
			})
			_, err = im.Send(sendCtx, sink)
			if !errors.Is(err, why) {
				t.Errorf("Send returns %v", err)
			}
			if err := im.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// sinkFunc is a sink that misbehaves.
type sinkFunc func(ctx context.Context, r io.Reader, offset, length int64) error

func (f sinkFunc) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	return f(ctx, r, offset, length)
}

func TestWhoCancelsIsNotToldToCheckTheNetwork(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Source{URL: serve(t, http.NotFound)}.Open(ctx)
	if e := imagetest.WantError[*image.SourceError](t, err); !errors.Is(err, context.Canceled) || e.Advice != "" {
		t.Errorf("the error is %v", err)
	}
}
