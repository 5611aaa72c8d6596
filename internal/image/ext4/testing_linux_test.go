package ext4_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

// TestMain runs the tests with mounts of their own. What starts a container or a test host meanwhile
// gets a copy of the machine's mounts, and a file system is not released before the last copy is gone.
func TestMain(m *testing.M) {
	const inside = "NOVACRON_TEST_OWN_MOUNTS"
	if os.Geteuid() != 0 || os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	runtime.LockOSThread() // the child ends with the thread
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "starting the tests with mounts of their own:", err)
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

var madeAt = time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC)

// fileSink is a sparse file that reads as zeros where nothing was sent. It checks what a sink may rely on.
type fileSink struct {
	*os.File
	ordered bool  // pieces come in order
	end     int64 // of the last piece
	runs    int
}

// WriteAt implements ext4.Sink.
func (s *fileSink) WriteAt(_ context.Context, r io.Reader, offset, length int64) error {
	if s.ordered && offset < s.end {
		return fmt.Errorf("byte %d comes after byte %d", offset, s.end)
	}
	n, err := io.Copy(io.NewOffsetWriter(s.File, offset), r)
	if err == nil && n > length {
		err = fmt.Errorf("%d bytes came at %d, where %d were announced", n, offset, length)
	}
	s.end = offset + n
	s.runs++
	return err
}

func newSink(t testing.TB, ordered bool) *fileSink {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "image"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &fileSink{File: f, ordered: ordered}
}

func options() ext4.Options {
	return ext4.Options{
		Origin:      image.Origin{Name: "root.tar", Attribute: "path"},
		Label:       "nova-base",
		Seed:        "sha256:0123",
		Directories: ext4.ContainerDirectories(),
	}
}

// item is an entry of an archive.
type item struct {
	tar.Header
	content string
}

func dir(name string) item {
	return item{Header: tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}}
}

func file(name, content string) item {
	return item{Header: tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}, content: content}
}

func symlink(name, target string) item {
	return item{Header: tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}}
}

func hardLink(name, target string) item {
	return item{Header: tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}}
}

// entriesOf returns a function that begins the entries from the first one each time.
func entriesOf(items []item) func() ext4.Entries {
	return func() ext4.Entries {
		next := 0
		return func() (*tar.Header, io.Reader, error) {
			if next == len(items) {
				return nil, nil, io.EOF
			}
			it := items[next]
			next++
			if it.ModTime.IsZero() {
				it.ModTime = madeAt
			}
			if it.content != "" {
				it.Size = int64(len(it.content))
			}
			return &it.Header, bytes.NewReader([]byte(it.content)), nil
		}
	}
}

// write makes the base in both orders, and returns the path of a file with it.
func write(t testing.TB, o ext4.Options, entries func() ext4.Entries) string {
	t.Helper()
	planned, err := ext4.Plan(t.Context(), o, entries())
	if err != nil {
		t.Fatal(err)
	}
	ordered, once := newSink(t, true), newSink(t, false)
	sent, err := planned.Send(t.Context(), entries(), ordered)
	if err != nil {
		t.Fatal(err)
	}
	if ordered.end != planned.Size {
		t.Errorf("the last bytes that were sent end at %d, and the file system at %d", ordered.end, planned.Size)
	}
	if sent < planned.Data || sent > planned.Size {
		t.Errorf("%d bytes were sent of %d; planned were %d", sent, planned.Size, planned.Data)
	}
	made, err := ext4.SendOnce(t.Context(), o, entries(), once)
	if err != nil {
		t.Fatal(err)
	}
	if made.Size != planned.Size {
		t.Errorf("the sizes are %d and %d", made.Size, planned.Size)
	}
	if err := once.Truncate(made.Size); err != nil {
		t.Fatal(err)
	}
	needs.Tool(t, "cmp", ordered.Name(), once.Name())
	check(t, ordered.Name())
	return ordered.Name()
}

// check has e2fsck check a file system that is not mounted.
func check(t testing.TB, path string) {
	t.Helper()
	needs.Installed(t, "e2fsck")
	out, err := exec.CommandContext(t.Context(), "e2fsck", "-fn", path).CombinedOutput()
	if err != nil {
		t.Fatalf("e2fsck: %v\n%.4000s", err, out)
	}
}

// mount mounts a file system, and returns where. It is unmounted when the test ends, or by the function.
func mount(t testing.TB, path, options string) (at string, unmount func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		needs.Missing(t, "only root mounts file systems")
	}
	at = t.TempDir()
	needs.Tool(t, "mount", "-t", "ext4", "-o", options, path, at)
	mounted := true
	unmount = func() {
		if mounted {
			mounted = false
			if out, err := exec.Command("umount", at).CombinedOutput(); err != nil {
				t.Errorf("umount: %v\n%s", err, out)
			}
		}
	}
	t.Cleanup(unmount)
	return at, unmount
}

// statOf returns what the kernel says of a file.
func statOf(t testing.TB, path string) unix.Stat_t {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Lstat(path, &s); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return s
}

// timeOf is that second, also if it is far out of what times are.
func timeOf(second int64) time.Time { return time.Unix(second, 0) }
