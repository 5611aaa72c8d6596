package transfer

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// fileSystem is a directory on its own file system, which is removed with the test.
func fileSystem(t *testing.T, mount ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		needs.Missing(t, "mounts a file system, which takes root")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", append(mount, dir)...).CombinedOutput(); err != nil {
		needs.Missing(t, "this machine does not let mount: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// xfs is a file system that can share blocks between files.
func xfs(t *testing.T) string {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	needs.Installed(t, "mkfs.xfs")
	needs.Tool(t, "sh", "-c", `truncate -s 400M "$1" && mkfs.xfs -q "$1"`, "sh", disk)
	return fileSystem(t, "-o", "loop", disk)
}

// taken is how much room a file takes, in bytes.
func taken(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// setAside has a file reserve room for a stretch in which nothing was written, and then reads it:
// that looks like data.
func setAside(t *testing.T, path string, offset, length int64) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		defer file.Close()
		err = unix.Fallocate(int(file.Fd()), 0, offset, length)
	}
	if err == nil {
		_, err = file.ReadAt(make([]byte, length), offset)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// On one file system or two, the copy has the holes of the image.
func TestHolesStayHolesInACopy(t *testing.T) {
	const mib = 1 << 20
	here := t.TempDir()
	places := map[string]func(t *testing.T) (from, to string){
		"one file system": func(*testing.T) (string, string) { return here, here },
		"to memory":       func(t *testing.T) (string, string) { return here, fileSystem(t, "-t", "tmpfs", "tmpfs") },
		"from memory":     func(t *testing.T) (string, string) { return fileSystem(t, "-t", "tmpfs", "tmpfs"), here },
		"shared blocks":   func(t *testing.T) (string, string) { dir := xfs(t); return dir, dir },
	}
	piece := bytes.Repeat([]byte{7}, 64<<10)
	for name, where := range places {
		t.Run(name, func(t *testing.T) {
			from, to := where(t)
			made, content := imagetest.Sparse(t, 40*mib, map[int64][]byte{
				0: imagetest.RawDisk(64 << 10), mib / 2: piece, 20 * mib: piece, 30 * mib: bytes.Repeat(piece, 160),
			})
			path := filepath.Join(from, "image")
			if out, err := exec.Command("cp", "--sparse=always", made, path).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			setAside(t, path, 5*mib, mib)
			im := opened(t, source{path: path})
			file := place(t, to, im.Size)
			var sink imagetest.Sink
			got, err := im.Send(t.Context(), &sink, Into(file))
			if err != nil {
				t.Fatal(err)
			}
			shared := name == "shared blocks"
			if got.Digest != imagetest.Digest(content) || !got.Copied || len(sink.Calls) > 0 ||
				(got.Transferred == 0) != shared || (got.Shared > 0) != shared || got.Transferred+got.Shared > 12*mib {
				t.Errorf("Send = %+v, and %d extents for the sink", got, len(sink.Calls))
			}
			copied, err := os.ReadFile(file.Name())
			if err != nil || !bytes.Equal(copied, content) {
				t.Errorf("the copy differs (%v)", err)
			}
			// The stretches that the file system reports as data are all there: the store relies on them.
			if is, was := taken(t, file.Name()), taken(t, path); is > was+mib/4 || is < got.Transferred+got.Shared {
				t.Errorf("the copy takes %d bytes, the image %d; it is %+v", is, was, got)
			}
		})
	}
}

func TestAFullDiskIsTold(t *testing.T) {
	im := opened(t, source{path: imagetest.WriteFile(t, imagetest.RawDisk(2<<20))})
	small := fileSystem(t, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
	_, err := im.Send(t.Context(), &imagetest.Sink{}, Into(place(t, small, im.Size)))
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "Make room") {
		t.Errorf("Send returns %v", err)
	}
}
