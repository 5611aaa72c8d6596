//go:build linux

package root

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
)

// A file that is written is another one until it is whole: who has the one before sees no change.
func TestAFileIsReplacedAsAWhole(t *testing.T) {
	dir := t.TempDir()
	before := filepath.Join(dir, "before")
	for _, err := range []error{
		writeOnce(dir, "users", "1000"),
		os.Link(filepath.Join(dir, "users"), before),
		writeOnce(dir, "users", "200000"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{before: "1000", filepath.Join(dir, "users"): "200000"} {
		if got := string(must.Get[[]byte](t)(os.ReadFile(file))); got != want {
			t.Errorf("%s has %q, want %q", file, got, want)
		}
	}
	if left := must.Get[[]os.DirEntry](t)(os.ReadDir(dir)); len(left) != 2 {
		t.Errorf("there are %v", left)
	}
}
