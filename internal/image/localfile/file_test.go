package localfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

func origin(path string) image.Origin { return image.Origin{Name: path, Attribute: "path"} }

// opened opens a file until the test ends.
func opened(t *testing.T, path string) *localfile.File {
	t.Helper()
	f, err := localfile.Open(origin(path), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAFileIsOpened(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(4096))
	f := opened(t, path)
	stamp, err := localfile.StampOf(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Size() != 4096 || f.Origin() != origin(path) || !f.Stamp().Same(stamp) || stamp.Digest != "" {
		t.Errorf("it is %s of %d bytes, and looks like %+v", f.Origin(), f.Size(), f.Stamp())
	}
	if err := f.Unchanged(); err != nil {
		t.Errorf("it has changed: %v", err)
	}
}

func TestWhatCannotBeOpenedIsExplained(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for path, c := range map[string]struct {
		cause error
		says  string
	}{
		"missing.img":                     {os.ErrNotExist, filepath.Join(dir, "missing.img")},
		filepath.Join(dir, "missing.img"): {os.ErrNotExist, "the machine that runs Terraform"},
		dir:                               {localfile.ErrNotRegular, "a directory"},
		"":                                {os.ErrNotExist, "${path.module}"},
	} {
		_, err := localfile.Open(origin(path), path)
		imagetest.WantError[*image.SourceError](t, err)
		imagetest.WantBlamed(t, err, "path")
		if !errors.Is(err, c.cause) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("opening %s: %v, want %v and %q", path, err, c.cause, c.says)
		}
	}
}

// The file as it is now shows whether it is what it was when it was read.
func TestAFileThatChangesIsNoticed(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grown": func(path string) error { return os.Truncate(path, 8192) },
		"cut":   func(path string) error { return os.Truncate(path, 512) },
		"written to": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("other"), 1000)
			return errors.Join(err, f.Close())
		},
	} {
		path := imagetest.WriteFile(t, imagetest.RawDisk(4096))
		f := opened(t, path)
		imagetest.Tick(t, path)
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		err := f.Unchanged()
		if !errors.Is(err, image.ErrChanged) || !strings.Contains(err.Error(), "Shut down the guest") {
			t.Errorf("%s: %v", name, err)
		}
		imagetest.WantBlamed(t, err, "path")
	}
}

// A change of mode or links cannot be distinguished from a hidden write: the error says both.
func TestAFileOfAnotherModeMayHaveChanged(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"another mode": func(path string) error { return os.Chmod(path, 0o640) },
		"a link":       func(path string) error { return os.Link(path, path+".link") },
	} {
		path := imagetest.WriteFile(t, imagetest.RawDisk(4096))
		f := opened(t, path)
		if f.Stamp().Changed.IsZero() {
			t.Log("the system does not tell")
			return
		}
		imagetest.Tick(t, path)
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if err := f.Unchanged(); !errors.Is(err, image.ErrChanged) ||
			!strings.Contains(err.Error(), "mode, owner or links") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAClosedFileIsNotCompared(t *testing.T) {
	f := opened(t, imagetest.WriteFile(t, imagetest.RawDisk(512)))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	err := f.Unchanged()
	if !errors.Is(err, os.ErrClosed) || errors.Is(err, image.ErrChanged) {
		t.Errorf("got %v", err)
	}
	imagetest.WantBlamed(t, err, "path")
}
