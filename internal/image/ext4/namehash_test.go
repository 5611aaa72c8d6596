package ext4

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// Names have the hashes that e2fsprogs computes for them.
func TestNamesAreHashed(t *testing.T) {
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	needs.Tool(t, "mke2fs", "-q", image)
	for _, seed := range [][4]uint32{{}, {0x04030201, 0x08070605, 0x0c0b0a09, 0x100f0e0d}} {
		for _, length := range []int{1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 64, 254, 255} {
			name := strings.Repeat("file.name-0123456789", 13)[:length]
			request := "dx_hash -h tea "
			if seed != ([4]uint32{}) {
				request += "-s 01020304-0506-0708-090a-0b0c0d0e0f10 "
			}
			h := hashOf(name, seed)
			want := fmt.Sprintf("Hash of %s is %#x (minor %#x)", name, h.major, h.minor)
			if got := needs.Tool(t, "debugfs", "-R", request+name, image); !strings.Contains(got, want) {
				t.Errorf("%s: debugfs prints\n%s, want\n%s", name, got, want)
			}
		}
	}
}
