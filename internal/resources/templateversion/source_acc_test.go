package templateversion_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

func TestAccVersionIsDownloaded(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("url")
	pool, directory := host.Pool(t, name)
	first, second := rawImage(t, 1<<20), tfacc.EmptyImage(t, "18M")
	files := http.NewServeMux()
	files.Handle("/first.img", serve(readFile(t, first)))
	files.Handle("/second.img", serve(readFile(t, second)))
	files.HandleFunc("/chunked.img", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush() // so that the response announces no length
		_, _ = w.Write(readFile(t, second))
	})
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	from := func(file, checksum string) string {
		source := `url = "` + server.URL + file + `"`
		if checksum != "" {
			source += `, checksum = "` + checksum + `"`
		}
		return library(pool, name) + version("it", "1.0.0", source)
	}
	is := func(image string) []statecheck.StateCheck {
		return []statecheck.StateCheck{value(address, "digest", knownvalue.StringExact(digestOf(t, image)))}
	}
	step := func(config, image string, action plancheck.ResourceActionType) resource.TestStep {
		return resource.TestStep{Config: config, ConfigStateChecks: is(image), ConfigPlanChecks: tfacc.Planned(address,
			action)}
	}
	resource.ParallelTest(t, resource.TestCase{
		ProtoV6ProviderFactories: tfacc.Factories(t),
		CheckDestroy:             tfacc.LeavesNothing(t, host, pool, "nova."),
		Steps: []resource.TestStep{
			step(from("/first.img", checksum(t, first)), first, plancheck.ResourceActionCreate),
			// Only the checksum proves that it is the same image.
			step(from("/first.img?token=2", checksum(t, first)), first, plancheck.ResourceActionUpdate),
			step(from("/second.img", ""), second, plancheck.ResourceActionDestroyBeforeCreate),
			step(from("/chunked.img", ""), second, plancheck.ResourceActionDestroyBeforeCreate),
			// So does one that is written later: downloads are recorded with it.
			step(from("/chunked.img?token=2", checksum(t, second)), second, plancheck.ResourceActionUpdate),
			{Config: library(pool, name), Check: tfacc.OnHost(func() {
				if found := bases(t, host, directory); len(found) != 0 {
					t.Errorf("the pool has the images %q", found)
				}
			})},
		},
	})
}

func serve(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}

// If a source does not deliver what it should, nothing is registered and nothing is left behind.
func TestAccFailedDownloadLeavesNothing(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("fail")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 2<<20)
	content := readFile(t, image)
	zeros := "sha256:" + strings.Repeat("0", 64)
	files := http.NewServeMux()
	files.Handle("/disk.img", serve(content))
	files.HandleFunc("/cut.img", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "2097152")
		_, _ = w.Write(content[:1<<20])
	})
	files.HandleFunc("/login.img", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!DOCTYPE html><p>Log in</p>"))
	})
	server := httptest.NewServer(files)
	t.Cleanup(server.Close)
	url := func(file string) string { return `url = "` + server.URL + file + `"` }
	w := tfacc.NewWorkspace(t, library(pool, name))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	const at = `resource "novacron_template_version" "it":`
	for _, c := range []struct {
		mistake, source string
		says            []string
	}{
		{
			"not found", url("/nope.img"), []string{
				at, "Downloading " + server.URL + `/nope.img: the server answered "404 Not Found". Check the URL`,
			},
		},
		{
			"nobody there", `url = "http://127.0.0.1:1/disk.img"`,
			[]string{at, "Downloading http://127.0.0.1:1/disk.img", "connection refused", "Check that the machine"},
		},
		{"cut short", url("/cut.img"), []string{at, "Downloading " + server.URL + "/cut.img", "Apply again"}},
		{"no image", url("/login.img"), []string{at, "/login.img is not a usable disk image: it is an HTML page"}},
		{"wrong checksum", url("/disk.img") + `, checksum = "` + zeros + `"`,
			[]string{at, "Checking " + server.URL + "/disk.img: its checksum is " +
				checksum(t, image) + ", not " + zeros, "compare it with what the publisher lists"}},
		{"wrong checksum of a file", fromPath(image) + `, checksum = "` + zeros + `"`,
			[]string{at, "its checksum is " + checksum(t, image) + ", not " + zeros}},
		{"wrong SHA-512", fromPath(image) + `, checksum = "sha512:` + strings.Repeat("0", 128) + `"`,
			[]string{at, "its checksum is sha512:", ", not sha512:000"}},
	} {
		t.Run(c.mistake, func(t *testing.T) {
			w.Configure(t, library(pool, name)+version("it", "1.0.0", c.source))
			tfacc.Says(t, w.Fails(t, "apply", "-auto-approve"),
				append([]string{"Could not register version"}, c.says...)...)
			for _, kind := range []string{"nova.base.", "nova.version."} {
				if left := host.Leftovers(t, pool, kind); len(left) > 0 {
					t.Errorf("left over: %q", left)
				}
			}
		})
	}
	w.Configure(t, library(pool, name))
	w.EmptyPlan(t)
}

func TestAccCtrlCWhileAnImageIsSentLeavesNothing(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("ctrlc")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	large := rawImage(t, 300<<20)
	head := readFile(t, rawImage(t, 1<<20))
	// The server stops in the middle, so only Ctrl-C ends the download.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "8388608")
		_, _ = w.Write(head)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	w := tfacc.NewWorkspace(t, library(pool, name))
	t.Cleanup(func() { w.Destroy(t) })
	w.Apply(t)
	for what, source := range map[string]string{
		"file":                   fromPath(large),
		"file of known checksum": fromPath(large) + `, checksum = "` + checksum(t, large) + `"`,
		"download":               `url = "` + server.URL + `/disk.img"`,
	} {
		t.Run(what, func(t *testing.T) {
			w.Configure(t, library(pool, name)+version("it", "1.0.0", source))
			// If the host finishes before Ctrl-C arrives, try again.
			for try := 1; ; try++ {
				out, err := w.Start(t, "apply", "-auto-approve").Until(t, "an image is in the pool",
					func() bool { return len(bases(t, host, directory)) > 0 }, syscall.SIGINT)
				if err != nil {
					tfacc.Says(t, out, "Could not register version", "cancelled")
					break
				}
				if try == 3 {
					t.Fatalf("terraform was faster than Ctrl-C:\n%s", out)
				}
				w.Destroy(t)
			}
			for _, kind := range []string{"nova.base.", "nova.version."} {
				if left := host.Leftovers(t, pool, kind); len(left) > 0 {
					t.Errorf("left over: %q", left)
				}
			}
			w.Configure(t, library(pool, name))
			w.EmptyPlan(t)
		})
	}
}

func TestAccTwoProcessesSendOneImageOnce(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("race")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	image := rawImage(t, 64<<20)
	copied := writeFile(t, filepath.Join(t.TempDir(), "copy"), readFile(t, image))
	var workspaces []*tfacc.Workspace
	for n, path := range []string{image, copied} {
		config := library(pool, name+string(rune('a'+n)))
		w := tfacc.NewWorkspace(t, config)
		t.Cleanup(func() { w.Destroy(t) })
		w.Apply(t)
		w.Configure(t, config+version("it", "1.0.0", fromPath(path)))
		workspaces = append(workspaces, w)
	}
	var running []*tfacc.Process
	for _, w := range workspaces {
		running = append(running, w.Start(t, "apply", "-auto-approve"))
	}
	for _, p := range running {
		if out, err := p.Wait(); err != nil {
			t.Errorf("terraform apply: %v\n%s", err, out)
		}
	}
	stored := bases(t, host, directory)
	if len(stored) != 1 || checksum(t, stored[0]) != checksum(t, image) {
		t.Errorf("the pool has the images %q, not just the one that was registered", stored)
	}
	sent := 0
	for _, w := range workspaces {
		w.EmptyPlan(t)
		if attribute(w.Show(t, address), "transferred_bytes") != "0" {
			sent++
		}
	}
	if sent != 1 {
		t.Errorf("%d of two processes say that they sent the image", sent)
	}
	// The base stays while another version needs it.
	workspaces[0].Destroy(t)
	if left := bases(t, host, directory); len(left) != 1 {
		t.Errorf("the pool has the images %q", left)
	}
	workspaces[1].EmptyPlan(t)
}
