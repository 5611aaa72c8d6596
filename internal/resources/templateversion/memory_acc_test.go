package templateversion_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/peak"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// sparseImage creates a raw disk of size bytes. It has data bytes of data, in stretches with holes
// between them.
func sparseImage(t *testing.T, size, data int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sparse.raw")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stretch := readFile(t, rawImage(t, 2<<20))
	for offset := int64(0); offset < size; offset += size / (data / int64(len(stretch))) {
		_, failed := file.WriteAt(stretch, offset)
		err = errors.Join(err, failed)
	}
	if err = errors.Join(err, file.Truncate(size), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// However large an image is, and however it is compressed, the provider holds only a little of it
// in memory at a time.
func TestAccLargeImagesTakeLittleMemory(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("large")
	pool, directory := host.Pool(t, name)
	t.Parallel()
	const most = int64(150_000_000)
	image := sparseImage(t, 512<<20, 200<<20) // both its data and its size exceed the limit below
	packed := image + ".zst"
	run(t, "zstd", "-q", "-1", "--long=26", image, "-o", packed) // the largest window that the provider accepts
	content := http.NewServeMux()
	content.HandleFunc("/sparse.raw.zst", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, packed) })
	server := httptest.NewServer(content)
	t.Cleanup(server.Close)

	for what, source := range map[string]string{
		"file": fromPath(image), "packed file": fromPath(packed), "stream": `url = "` + server.URL + `/sparse.raw.zst"`,
	} {
		t.Run(what, func(t *testing.T) {
			w := tfacc.NewWorkspace(t, library(pool, name)+version("it", "1.0.0", source))
			w.Setenv("GOGC", "100") // the default, which users have
			w.Setenv("GOMEMLIMIT", "off")
			defer w.Destroy(t)
			var out bytes.Buffer
			cmd := w.Command(t.Context(), "apply", "-auto-approve")
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			watch := peak.OfChildren(cmd.Process.Pid, "terraform-provider-novacron")
			err := cmd.Wait()
			took := watch.Bytes()
			if err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			t.Logf("the provider took %d MB at most", took/1e6)
			if took == 0 || took > most {
				t.Errorf("the provider took %d MB of memory, want 1 to %d", took/1e6, most/1e6)
			}
			stored := bases(t, host, directory)
			if len(stored) != 1 {
				t.Fatalf("the pool has the images %q", stored)
			}
			if same := run(t, "cmp", image, stored[0]); same != "" {
				t.Error(same)
			}
		})
	}
}
