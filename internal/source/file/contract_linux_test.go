package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/sourcetest"
)

func TestContract(t *testing.T)     { sourcetest.Run(t, siteOfFile) }
func TestRootContract(t *testing.T) { sourcetest.RunRoots(t, siteOfFile) }

func siteOfFile(t *testing.T) sourcetest.Site {
	path := filepath.Join(t.TempDir(), "disk.img")
	do := func(do func() error) func(*testing.T) {
		return func(t *testing.T) {
			t.Helper()
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return sourcetest.Site{
		Kind:     Kind,
		Settings: source.Settings{"path": path},
		Put: func(t *testing.T, content []byte) {
			t.Helper()
			do(func() error { return os.WriteFile(path, content, 0o600) })(t)
		},
		Faults: map[string]sourcetest.Fault{
			sourcetest.Gone: {Happen: do(func() error { return os.Remove(path) }), Is: fs.ErrNotExist, Says: path},
			sourcetest.Denied: {
				Happen: func(t *testing.T) { imagetest.Deny(t, path) },
				Is:     fs.ErrPermission, Says: "Let the user who runs Terraform",
			},
			sourcetest.Changed: {
				Happen: do(func() error {
					f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
					if err != nil {
						return err
					}
					_, err = f.WriteString("more")
					return errors.Join(err, f.Close())
				}),
				Is: image.ErrChanged,
			},
			sourcetest.CutOff: {Happen: do(func() error { return os.Truncate(path, 1<<20) }), Is: image.ErrChanged},
		},
	}
}
