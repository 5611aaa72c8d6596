package localfile_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

func TestPipesAndDevicesAreNotOpened(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{pipe: "a named pipe", os.DevNull: "a device"} {
		_, err := localfile.Open(origin(path), path) // would wait for ever for the pipe's writer
		imagetest.WantError[*image.SourceError](t, err)
		if !errors.Is(err, localfile.ErrNotRegular) || !strings.Contains(err.Error(), says) {
			t.Errorf("opening %s: %v", path, err)
		}
	}
}

func TestAnUnreadableFileIsExplained(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(512))
	imagetest.Deny(t, path)
	_, err := localfile.Open(origin(path), path)
	imagetest.WantError[*image.SourceError](t, err)
	if !errors.Is(err, fs.ErrPermission) ||
		!strings.Contains(err.Error(), "Let the user who runs Terraform read the file") {
		t.Errorf("opening an unreadable file: %v", err)
	}
}

const mib = 1 << 20

func TestExtentsAreWhereTheDataIs(t *testing.T) {
	piece := bytes.Repeat([]byte{7}, 64<<10)
	last := image.Extent{Offset: 40*mib - localfile.LastBytes, Length: localfile.LastBytes}
	for name, c := range map[string]struct {
		size   int64
		pieces map[int64][]byte
		want   []image.Extent
	}{
		"no hole":            {mib, map[int64][]byte{0: imagetest.RawDisk(mib)}, []image.Extent{{Length: mib}}},
		"nothing but a hole": {40 * mib, nil, []image.Extent{last}},
		"a hole at the end":  {40 * mib, map[int64][]byte{0: piece}, []image.Extent{{Length: 64 << 10}, last}},
		"nearer than they are sent": {2 * mib, map[int64][]byte{0: piece, mib: piece},
			[]image.Extent{{Length: 2 * mib}}},
		"two islands": {
			40 * mib, map[int64][]byte{20 * mib: piece, 40*mib - 64<<10: piece},
			[]image.Extent{{Offset: 20 * mib, Length: 64 << 10}, {Offset: 40*mib - 64<<10, Length: 64 << 10}},
		},
		"empty": {0, nil, []image.Extent{{}}}, // which ends where the file does
	} {
		path, _ := imagetest.Sparse(t, c.size, c.pieces)
		got, err := opened(t, path).Extents(t.Context())
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: the data is at %v, %v, want %v", name, got, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path, _ := imagetest.Sparse(t, mib, nil)
	if _, err := opened(t, path).Extents(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("once nobody wants to know: %v", err)
	}
}

// target is a file of size bytes that reads as zeros.
func target(t *testing.T, size int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "copy"))
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestACopyHasTheContentAndTheHoles(t *testing.T) {
	pieces := map[int64][]byte{0: imagetest.RawDisk(mib), 20 * mib: imagetest.Random(9 * mib)}
	path, content := imagetest.Sparse(t, 40*mib, pieces)
	f, to, told := opened(t, path), target(t, 40*mib), int64(0)
	copied, done, err := f.CopyTo(t.Context(), to, func(n int64) { told += n })
	if err != nil || !done {
		t.Fatalf("it is done: %t, %v", done, err)
	}
	if copied.Bytes+copied.Shared != 10*mib || told != copied.Bytes {
		t.Errorf("copied %+v, told %d", copied, told)
	}
	if !bytes.Equal(imagetest.ReadFile(t, to.Name()), content) {
		t.Error("the copy has another content")
	}
	info, err := to.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if is, can := info.Sys().(*syscall.Stat_t); !can || is.Blocks*512 > 11*mib {
		t.Errorf("the copy takes %d bytes", is.Blocks*512)
	}
}

// A file that cannot be copied can still be sent, which gives the reason. Nothing waits for a copy
// that is not wanted.
func TestWhatCannotBeCopiedIsLeftToTheSender(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(2*mib))
	ignore := func(int64) {}
	t.Run("a file that is only read", func(t *testing.T) {
		to, err := os.Open(target(t, 2*mib).Name())
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close()
		if _, done, err := opened(t, path).CopyTo(t.Context(), to, ignore); done || err != nil {
			t.Errorf("it is done: %t, %v", done, err)
		}
	})
	t.Run("a file that has become shorter", func(t *testing.T) {
		path := imagetest.WriteFile(t, imagetest.RawDisk(20*mib))
		f := opened(t, path)
		short := func(int64) {
			if err := os.Truncate(path, mib); err != nil {
				t.Error(err)
			}
		}
		copied, done, err := f.CopyTo(t.Context(), target(t, 20*mib), short)
		if copied.Shared == 0 && (done || err != nil) {
			t.Errorf("it is done: %t, %v", done, err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		copied, done, err := opened(t, path).CopyTo(ctx, target(t, 2*mib), ignore)
		if copied.Shared == 0 && (done || !errors.Is(err, why)) {
			t.Errorf("it is done: %t, %v", done, err)
		}
	})
}
