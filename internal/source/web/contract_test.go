package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/sourcetest"
)

// shelf is a server that has one file.
type shelf struct {
	mu      sync.Mutex
	content []byte
	status  int           // sent instead of the file; 0 for none
	broken  bool          // it never answers
	held    chan struct{} // nil, or closed once an answer that has begun is to be cut
}

func (s *shelf) set(change func(*shelf)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, status, broken, held := s.content, s.status, s.broken, s.held
	s.held = nil
	s.mu.Unlock()
	if _, password, _ := r.BasicAuth(); password != "hunter2" || r.Header.Get("Private-Token") != "hunter2" {
		status = http.StatusUnauthorized
	}
	switch {
	case broken:
		panic(http.ErrAbortHandler)
	case status != 0:
		w.WriteHeader(status)
		return
	}
	w.Header().Set("ETag", `"`+imagetest.SHA256(content)+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	if held == nil {
		_, _ = w.Write(content)
		return
	}
	_, _ = io.Copy(w, bytes.NewReader(content[:len(content)/2]))
	_ = http.NewResponseController(w).Flush()
	<-held
	panic(http.ErrAbortHandler)
}

// hasty is a source that retries at once.
type hasty struct{ Source }

func (h hasty) Same(s source.Source) bool {
	if other, is := s.(hasty); is {
		s = other.Source
	}
	return h.Source.Same(s)
}

func (h hasty) Open(ctx context.Context) (*transfer.Image, error) {
	return open(ctx, h.Source, impatient)
}

func TestContract(t *testing.T)     { sourcetest.Run(t, siteOfServer) }
func TestRootContract(t *testing.T) { sourcetest.RunRoots(t, siteOfServer) }

func siteOfServer(t *testing.T) sourcetest.Site {
	t.Helper()
	has := &shelf{}
	server := httptest.NewServer(has)
	t.Cleanup(server.Close)
	answers := func(status int) func(*testing.T) {
		return func(*testing.T) { has.set(func(s *shelf) { s.status = status }) }
	}
	held := make(chan struct{})
	hold := func(*testing.T) { has.set(func(s *shelf) { s.held = held }) }
	return sourcetest.Site{
		Kind: Kind,
		Settings: source.Settings{
			"url":     strings.Replace(server.URL, "//", "//me:hunter2@", 1) + "/disk.img?signature=hunter2",
			"headers": map[string]string{"Private-Token": "hunter2"},
		},
		Secret: "hunter2",
		Bind: func(s source.Source) source.Source {
			made, is := s.(Source)
			if !is {
				t.Fatalf("it has made a %T", s)
			}
			return hasty{made}
		},
		Put: func(_ *testing.T, content []byte) { has.set(func(s *shelf) { s.content = content }) },
		Faults: map[string]sourcetest.Fault{
			sourcetest.Gone:   {Happen: answers(http.StatusNotFound), Says: "404 Not Found"},
			sourcetest.Denied: {Happen: answers(http.StatusForbidden), Says: "403 Forbidden"},
			sourcetest.Changed: {
				Prepare: hold,
				Happen: func(*testing.T) {
					has.set(func(s *shelf) {
						s.content = bytes.Clone(s.content)
						s.content[1] ^= 1
					})
					close(held)
				},
				Is: errOther,
			},
			sourcetest.CutOff: {
				Prepare: hold,
				Happen: func(*testing.T) {
					has.set(func(s *shelf) { s.broken = true })
					close(held)
				},
				Says: "after 4 attempts",
			},
		},
	}
}
