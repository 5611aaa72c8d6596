package imagestore

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// Of all files at the path of a new volume, only the volume's own file is written to: here the pool
// is on another file system than this machine's directory of the same path.
func TestAccOnlyAVolumesOwnFileIsWrittenTo(t *testing.T) {
	const size = 1 << 20
	site, dir := acctest.RequireHost(t), filepath.Join(t.TempDir(), "pool")
	pool := "images-" + strings.ToLower(rand.Text()[:8])
	site.Virsh(t, "pool-create-as", pool, "dir", "--target", dir, "--build")
	t.Cleanup(func() { site.Virsh(t, "pool-destroy", pool) })
	site.Exec(t, "mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir)
	t.Cleanup(func() { site.Exec(t, "umount", "--lazy", dir) })
	s := storeIn(connect(t, site), pool, Options{})
	path, image := filepath.Join(t.TempDir(), "disk.img"), make([]byte, size)
	image[510], image[511] = 0x55, 0xaa
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}

	u := &upload{store: s.Store, base: catalog.Base{Volume: "nova.base.decoy.raw"}}
	if err := u.create(t.Context(), size); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.pool.DeleteVolume(t.Context(), u.base.Volume); err != nil {
			t.Error(err)
		}
	}()
	im := must.Get[*transfer.Image](t)(file.Source{Path: path}.Open(t.Context()))
	defer im.Close()
	decoy, content := filepath.Join(dir, u.base.Volume), bytes.Repeat([]byte("precious"), size/8)
	if u.path != decoy {
		t.Fatalf("the volume is at %s, not %s", u.path, decoy)
	}
	for what, lay := range map[string]func() error{
		"a file":             func() error { return os.WriteFile(decoy, content, 0o600) },
		"a link to a file":   func() error { return os.Symlink(path, decoy) },
		"a larger file":      func() error { return os.WriteFile(decoy, append(content, 'x'), 0o600) },
		"a directory":        func() error { return os.Mkdir(decoy, 0o700) },
		"a pipe":             func() error { return exec.Command("mkfifo", decoy).Run() },
		"a link to nowhere":  func() error { return os.Symlink("/nowhere", decoy) },
		"nothing whatsoever": func() error { return nil },
	} {
		t.Run(what, func(t *testing.T) {
			if err := lay(); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(decoy)
			file, err := u.place(t.Context(), im)
			if file != nil || err != nil {
				t.Errorf("got %v, %v; want neither file nor error", file, err)
			}
			if what == "a file" {
				if left, err := os.ReadFile(decoy); err != nil || !bytes.Equal(left, content) {
					t.Errorf("the file was written to (%v)", err)
				}
			}
			stored := must.Get[[]byte](t)(s.host.ReadVolume(t.Context(), s.poolName, u.base.Volume, size))
			if !bytes.Equal(stored, make([]byte, size)) {
				t.Error("the volume is not empty any more")
			}
		})
	}
}
