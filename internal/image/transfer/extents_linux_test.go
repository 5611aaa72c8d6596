package transfer

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
	"github.com/novacron/terraform-provider-novacron/internal/image/localfile"
)

// sparse writes a file of size bytes in which only the given pieces are data, and gives its content.
func sparse(t *testing.T, size int64, pieces map[int64][]byte) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sparse.raw")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	content = make([]byte, size)
	for offset, piece := range pieces {
		copy(content[offset:], piece)
		if _, err := file.WriteAt(piece, offset); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(file.Truncate(size), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path, content
}

func TestHolesAreHashedButNotSent(t *testing.T) {
	const mib = 1 << 20
	piece := bytes.Repeat([]byte{7}, 64<<10)
	for name, c := range map[string]struct {
		size   int64
		pieces map[int64][]byte
		want   [][2]int64
	}{
		"hole at the end": {40 * mib, map[int64][]byte{0: imagetest.RawDisk(64 << 10)},
			[][2]int64{{0, 64 << 10}, {40*mib - localfile.LastBytes, localfile.LastBytes}}},
		"two islands": {40 * mib, map[int64][]byte{0: imagetest.RawDisk(64 << 10), 20 * mib: piece, 40*mib - 64<<10: piece},
			[][2]int64{{0, 64 << 10}, {20 * mib, 64 << 10}, {40*mib - 64<<10, 64 << 10}}},
		"islands nearer than 1 MiB are one": {4 * mib, map[int64][]byte{0: imagetest.RawDisk(64 << 10), mib: piece, 4*mib - 64<<10: piece},
			[][2]int64{{0, mib + 64<<10}, {4*mib - 64<<10, 64 << 10}}},
		"no hole": {mib, map[int64][]byte{0: imagetest.RawDisk(mib)}, [][2]int64{{0, mib}}},
	} {
		t.Run(name, func(t *testing.T) {
			path, content := sparse(t, c.size, c.pieces)
			im := opened(t, source{path: path})
			if digest, err := im.Digest(t.Context()); err != nil || digest != imagetest.SHA256(content) {
				t.Errorf("Digest = %s, %v; want %s", digest, err, imagetest.SHA256(content))
			}
			var sink imagetest.Sink
			got, err := im.Send(t.Context(), &sink)
			if err != nil {
				t.Fatal(err)
			}
			var total int64
			for i, e := range sink.Calls {
				total += e[1]
				if i >= len(c.want) || e != c.want[i] {
					t.Errorf("extent %d is %+v, want %+v", i, e, c.want)
				}
			}
			if len(sink.Calls) != len(c.want) || got.Transferred != total || got.Size != c.size || got.Digest != imagetest.SHA256(content) {
				t.Errorf("Send = %+v in %d extents, want %d bytes in %d", got, len(sink.Calls), total, len(c.want))
			}
			if !bytes.Equal(sink.Data, content) {
				t.Error("the sink holds other bytes than the file")
			}
		})
	}
}

func TestPipesAndDevicesAreNotOpened(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, os.DevNull} {
		_, err := open(t.Context(), source{path: path}) // would wait for ever for the pipe's writer
		imagetest.WantError[*image.SourceError](t, err)
		if !errors.Is(err, localfile.ErrNotRegular) {
			t.Errorf("opening %s: %v", path, err)
		}
	}
}

func TestAnUnreadableFileIsExplained(t *testing.T) {
	path := imagetest.WriteFile(t, imagetest.RawDisk(512))
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // who reads everything: this thread is somebody else to the file system, and ends with the test
		for dir := filepath.Dir(path); dir != os.TempDir(); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		const nobody = 65534
		runtime.LockOSThread()
		if err := unix.Setfsuid(nobody); err != nil {
			t.Fatal(err)
		}
		defer unix.Setfsuid(0) //nolint:errcheck // the thread is not used again
	}
	_, err := open(t.Context(), source{path: path})
	imagetest.WantError[*image.SourceError](t, err)
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("opening an unreadable file: %v", err)
	}
}
