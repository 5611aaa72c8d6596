package templateversion_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// halfway serves a file. The first response stops in the middle until goOn is called.
func halfway(t *testing.T, content []byte) (url string, reached <-chan struct{}, goOn func()) {
	t.Helper()
	half, rest := make(chan struct{}), make(chan struct{})
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		if asked.Add(1) > 1 {
			_, _ = w.Write(content)
			return
		}
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		close(half)
		select {
		case <-rest:
			_, _ = w.Write(content[len(content)/2:])
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/disk.img", half, func() { close(rest) }
}

// If the host or the provider fails while an image is transferred, in whatever way, no version
// exists. The next apply registers the version and leaves nothing of the failed attempt.
func TestAccDisturbedWhileAnImageIsSent(t *testing.T) {
	shared := acctest.RequireHost(t)
	t.Parallel()
	host, name := shared.Own(t, "sent"), tfacc.Name("sent")
	directory := "/var/lib/libvirt/" + name
	for _, command := range [][]string{
		{"pool-define-as", name, "dir", "--target", directory},
		{"pool-build", name},
		{"pool-autostart", name},
		{"pool-start", name},
	} {
		host.Virsh(t, command...)
	}
	w := tfacc.NewWorkspace(t, library(name, name))
	w.Setenv("NOVACRON_URI", host.URI)
	t.Cleanup(func() {
		w.Destroy(t)
		if left := host.Leftovers(t, name, "nova."); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
	w.Apply(t)
	image := rawImage(t, 8<<20)
	content := readFile(t, image)
	for _, c := range []struct {
		what             string
		disturb, restore func()
		signal           syscall.Signal // sent to Terraform and the provider after the disturbance
	}{
		{"the pool is stopped", func() { host.Virsh(t, "pool-destroy", name) },
			func() { host.Virsh(t, "pool-start", name) }, syscall.SIGCONT},
		{"the daemon is restarted", func() { host.Restart(t) }, func() {}, syscall.SIGCONT},
		{"the provider is killed", func() {}, func() {}, syscall.SIGKILL},
	} {
		t.Run(c.what, func(t *testing.T) {
			url, reached, goOn := halfway(t, content)
			w.Configure(t, library(name, name)+version("it", "1.0.0", fmt.Sprintf("url = %q", url)))
			out, err := w.Start(t, "apply", "-auto-approve").Until(t, "half of the image was sent", func() bool {
				select {
				case <-reached:
				default:
					return false
				}
				if len(bases(t, host, directory)) == 0 {
					return false
				}
				c.disturb()
				goOn()
				return true
			}, c.signal)
			if err == nil {
				t.Fatalf("it was registered nevertheless:\n%s", out)
			}
			c.restore()
			w.Apply(t)
			w.EmptyPlan(t)
			if stored := bases(t, host, directory); len(stored) != 1 || checksum(t, stored[0]) != checksum(t, image) {
				t.Errorf("the pool has the images %q, not just the one that was registered", stored)
			}
			w.Configure(t, library(name, name))
			w.Apply(t)
			if stored := bases(t, host, directory); len(stored) != 0 {
				t.Errorf("the pool has the images %q", stored)
			}
		})
	}
}

// Values that only the apply knows appear in no file that Terraform keeps and in none of its
// messages.
func TestAccHeadersAreSecret(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("headers")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	content := readFile(t, rawImage(t, 1<<20))
	const secret = "Bearer hunter2"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != secret {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		serve(content)(w, r)
	}))
	t.Cleanup(server.Close)
	config := func(headers string) string {
		return library(pool, name) + version("it", "1.0.0", fmt.Sprintf("url = %q, headers = { Authorization = %q }",
			server.URL+"/disk.img", headers))
	}
	w := tfacc.NewWorkspace(t, config("Bearer hunter3"))
	t.Cleanup(func() { w.Destroy(t) })
	w.Setenv("TF_LOG", "TRACE")
	w.Setenv("TF_LOG_PATH", w.Dir+"/trace.log")
	tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"), "Could not register version",
		`the server answered "403 Forbidden"`, "headers carry the credentials")
	w.Configure(t, config(secret))
	out := w.Apply(t)
	w.EmptyPlan(t)
	w.Configure(t, config("Bearer hunter4")) // no request needs the header any more
	w.EmptyPlan(t)
	if _, err := w.Run(t.Context(), "plan", "-out=saved"); err != nil {
		t.Error(err)
	}
	plan, err := w.Run(t.Context(), "show", "-json", "saved")
	if err != nil {
		t.Error(err)
	}
	state := string(readFile(t, w.Dir+"/terraform.tfstate"))
	// A plan also contains the configuration, so compare the planned values alone.
	_, planned, _ := strings.Cut(plan, `"planned_values"`)
	planned, _, _ = strings.Cut(planned, `"configuration":`)
	for what, text := range map[string]string{"output": out, "state": state, "plan": planned} {
		if strings.Contains(text, "hunter") {
			t.Errorf("the %s has the header:\n%s", what, text)
		}
	}
	for line := range strings.Lines(string(readFile(t, w.Dir+"/trace.log"))) {
		if strings.Contains(line, "hunter") && strings.Contains(line, "provider.terraform-provider-novacron") {
			t.Errorf("the provider's log has the header: %s", line)
		}
	}
}
