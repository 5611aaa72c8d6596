package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

func TestRedirectsAreFollowedTenTimes(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Referer() != "" {
			t.Errorf("the server is told where we came from: %s", r.Referer())
		}
		left, _ := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
		if left == 0 {
			_, _ = w.Write(imagetest.RawDisk(512))
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d?signature=hunter2", left-1), http.StatusFound)
	})
	opened(t, Source{URL: url + "/10"})
	_, err := Source{URL: url + "/11"}.Open(t.Context())
	imagetest.WantError[*image.SourceError](t, err)
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error tells a signature: %v", err)
	}
}

func TestARedirectOutOfHttpsNeedsAChecksum(t *testing.T) {
	request := func(url string) *http.Request { return httptest.NewRequest(http.MethodGet, url, nil) }
	secure, plain := request("https://a.example/i"), request("http://b.example/i")
	unchecked := Source{URL: "https://a.example/i"}
	checked := Source{URL: unchecked.URL, Checksum: imagetest.SHA256(nil)}
	imagetest.WantError[*image.SourceError](t, unchecked.checkRedirect(plain, []*http.Request{secure}))
	for _, err := range []error{
		checked.checkRedirect(plain, []*http.Request{secure}),
		unchecked.checkRedirect(secure, []*http.Request{plain}),
		unchecked.checkRedirect(plain, []*http.Request{plain}),
	} {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
	}
}

func TestErrorsDoNotTellTheSecretsOfAURL(t *testing.T) {
	missing := serve(t, http.NotFound)
	closed := httptest.NewServer(nil)
	closed.Close()
	other := strings.Replace(missing, "127.0.0.1", "localhost", 1)
	away := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other+"/?signature=hunter2", http.StatusFound)
	})
	page := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>sign in</html>") })
	for _, url := range []string{missing, closed.URL, away, page} {
		secret := strings.Replace(url, "//", "//user:hunter2@", 1) + "/image?signature=hunter2"
		_, err := Source{URL: secret}.Open(t.Context())
		imagetest.WantBlamed(t, err, "url")
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells a secret: %v", err)
		}
		if !strings.Contains(err.Error(), url) {
			t.Errorf("the error does not tell %s: %v", url, err)
		}
	}
}
