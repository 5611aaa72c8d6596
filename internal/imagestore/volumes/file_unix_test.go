//go:build unix

package volumes

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A path of the host may lead to anything on this machine.
func TestOnlyANewVolumesFileIsOpened(t *testing.T) {
	const size = 512
	dir := t.TempDir()
	file := func(name string, size int) error {
		return os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600)
	}
	for name, lay := range map[string]func(path string) error{
		"file":      func(string) error { return file("file", size) },
		"larger":    func(string) error { return file("larger", size+1) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link": func(path string) error {
			if err := file("target", size); err != nil {
				return err
			}
			return os.Symlink("target", path)
		},
		"nothing": func(string) error { return nil },
	} {
		path := filepath.Join(dir, name)
		if err := lay(path); err != nil {
			t.Fatal(err)
		}
		opened, err := OpenFile(path, size)
		if (err == nil) != (name == "file") {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			opened.Close()
		}
	}
}
