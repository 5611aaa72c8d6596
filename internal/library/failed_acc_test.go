package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	sourceweb "github.com/novacron/terraform-provider-novacron/internal/source/web"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

func TestAccAFailedRegistrationLeavesNothing(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	path := rawImage(t, 64<<20, 48<<20)
	before := s.files(t)
	leavesNothing := func(t *testing.T) {
		t.Helper()
		if left := s.files(t); strings.Join(left, " ") != strings.Join(before, " ") {
			t.Errorf("in the pool: %q, want as before %q", left, before)
		}
	}
	t.Run("wrong checksum", func(t *testing.T) {
		for _, algorithm := range []string{"sha256:" + strings.Repeat("ab", 32), "sha512:" + strings.Repeat("ab", 64)} {
			_, err := register(t.Context(), l, "1.0.0", file.Source{Path: path, Checksum: algorithm})
			var wrong *image.ChecksumError
			if !errors.As(err, &wrong) || wrong.Attribute() != "checksum" {
				t.Errorf("got %v, want a checksum error", err)
			}
			leavesNothing(t)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		for _, checksum := range []string{"", sumOf(t, path)} {
			server := newStallingServer(t, path, 20<<20)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-server.reached; cancel() }()
			if _, err := register(
				ctx, l, "1.0.0", sourceweb.Source{URL: server.URL, Checksum: checksum},
			); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
			leavesNothing(t)
		}
	})
	t.Run("cancelled while a file is sent", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := l.RegisterVersion(ctx, VersionRequest{
			ID: ubuntu.Version("1.0.0"), Source: file.Source{Path: path}, Progress: func(int64, int64) { cancel() },
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		leavesNothing(t)
	})
	t.Run("the server hangs up", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(64<<20))
			file, err := os.Open(path)
			if err == nil {
				_, _ = io.CopyN(w, file, 10<<20)
				file.Close()
			}
		}))
		defer server.Close()
		if _, err := register(
			t.Context(), l, "1.0.0", sourceweb.Source{URL: server.URL},
		); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
		}
		leavesNothing(t)
	})
	t.Run("the disk is smaller than the image", func(t *testing.T) {
		one := int64(1)
		_, err := l.RegisterVersion(t.Context(), VersionRequest{
			ID: ubuntu.Version("1.0.0"), Source: file.Source{Path: rawImage(t, 1<<30+1<<20, 4096)},
			Spec: catalog.Spec{Storage: &profile.Storage{Disks: map[string]profile.Disk{"system": {SizeGB: &one}}}},
		})
		var findings finding.List
		if !errors.As(err, &findings) || findings[0].Path.String() != `storage_profile.disks["system"].size_gb` {
			t.Errorf("got %v, want a finding at size_gb", err)
		}
		leavesNothing(t)
	})
	t.Run("the version is there already, with another image", func(t *testing.T) {
		v := must.Get[catalog.Version](t)(
			register(t.Context(), l, "1.0.0", file.Source{Path: rawImage(t, 1<<20, 4096)}))
		held := s.files(t)
		// As when two processes register it at once, and neither sees the other until the end.
		from := file.Source{Path: rawImage(t, 1<<20, 8192)}
		other, err := l.Images.Hold(t.Context(), imagestore.Request{
			Version: v.ID, Source: from, Stem: "nova.base.other", Steps: step.NewTimer(),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Images.ReleaseUnregistered(t.Context(), other.Base.Digest, v.ID); err != nil {
			t.Error(err)
		}
		if left := s.files(t); len(left) != len(held) {
			t.Errorf("in the pool: %q, want as before %q", left, held)
		}
		// as the loser of a race for the same image
		if err := l.Images.ReleaseUnregistered(t.Context(), v.Digest, v.ID); err != nil {
			t.Error(err)
		}
		must.Get[catalog.Base](t)(l.Images.Base(t.Context(), v.Digest))
		if err := l.RemoveVersion(t.Context(), v.ID); err != nil {
			t.Error(err)
		}
		leavesNothing(t)
	})
}

// stallingServer sends a file up to some byte, signals that, and goes on when told to.
type stallingServer struct {
	*httptest.Server
	reached, goOn chan struct{}
}

func newStallingServer(t *testing.T, path string, until int64) stallingServer {
	s := stallingServer{reached: make(chan struct{}), goOn: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
			return
		}
		defer file.Close()
		info, _ := file.Stat()
		w.Header().Set("Content-Length", fmt.Sprint(info.Size()))
		_, _ = io.CopyN(w, file, until)
		w.(http.Flusher).Flush()
		close(s.reached)
		select {
		case <-s.goOn:
			_, _ = io.Copy(w, file)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(s.Close)
	return s
}
