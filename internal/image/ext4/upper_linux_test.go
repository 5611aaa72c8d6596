package ext4_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// newUpper writes an upper of size bytes to a file.
func newUpper(t testing.TB, size int64) (path string, sent int64) {
	t.Helper()
	sink := newSink(t, true)
	u := ext4.Upper{Origin: image.Origin{Name: "web-1"}, Label: "nova-upper", Seed: "web-1", Size: size}
	sent, err := u.Send(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return sink.Name(), sent
}

// Groups of 128 MiB have their metadata at their beginning: what is too little for a group is not
// used.
func TestUpperOfAnySize(t *testing.T) {
	for _, size := range []int64{
		ext4.MinUpper, ext4.MinUpper + 4095, 100 * mib, 128*mib - 4096, 128 * mib, 128*mib + 4096, 130 * mib,
		131 * mib, gib, 5*gib + 12345, 8 * gib, 8*gib + 3*mib, 16 * gib, 64 * gib, 65 * gib, 128 * gib, 1 << 40,
	} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			path, sent := newUpper(t, size)
			check(t, path)
			if limit := 80_000 + 16<<10*(size/(8*gib)); sent > limit {
				t.Errorf("%d bytes are sent, more than %d", sent, limit)
			}
			at, unmount := mount(t, path, "loop")
			var s unix.Statfs_t
			if err := unix.Statfs(at, &s); err != nil {
				t.Fatal(err)
			}
			if free := int64(s.Bavail) * s.Bsize; free < size*9/10-6*mib || free > size {
				t.Errorf("%d bytes of %d are free", free, size)
			}
			unmount()
			check(t, path)
		})
	}
}

func TestUpperOfWrongSize(t *testing.T) {
	for _, size := range []int64{-1, 0, ext4.MinUpper - 1, ext4.MaxUpper + 1} {
		u := ext4.Upper{Size: size}
		if _, err := u.Send(t.Context(), newSink(t, true)); err == nil {
			t.Errorf("%d bytes are accepted", size)
		}
	}
}

// Thousands of files come and go, and the file system is filled to its last block.
func TestUpperIsUsed(t *testing.T) {
	path, _ := newUpper(t, 200*mib)
	at, unmount := mount(t, path, "loop")
	use(t, at, "a", 4000)
	if _, err := fill(filepath.Join(at, "filler"), 1<<40); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("filling it ended with %v", err)
	}
	before := treeOf(t, at)
	unmount()
	check(t, path)
	at, unmount = mount(t, path, "loop")
	wantTree(t, treeOf(t, at), before)
	if err := os.Remove(filepath.Join(at, "filler")); err != nil {
		t.Fatal(err)
	}
	use(t, at, "b", 1000)
	unmount()
	check(t, path)
}

// use makes and removes files, directories, links and attributes.
func use(t *testing.T, at, tag string, count int) {
	t.Helper()
	for n := range count {
		dir := filepath.Join(at, fmt.Sprintf("d%d", n%40), strings.Repeat("s", n%200+1))
		name := filepath.Join(dir, fmt.Sprint(tag, n))
		err := errors.Join(
			os.MkdirAll(dir, 0o755),
			os.WriteFile(name, []byte(strings.Repeat("text", n%3000)), 0o600),
			unix.Setxattr(name, "user.number", []byte(strings.Repeat("n", n%500)), 0),
		)
		switch n % 5 {
		case 1, 2:
			err = errors.Join(err, os.Remove(name))
		case 3:
			err = errors.Join(err, os.Link(name, name+"-again"), os.Symlink(name, name+"-sym"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fill writes a file of that many bytes, or as many as there is room for.
func fill(path string, bytes int64) (written int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	data := []byte(strings.Repeat("filled up", 1<<16))
	for written < bytes && err == nil {
		var n int
		n, err = f.Write(data)
		written += int64(n)
	}
	return written, errors.Join(err, f.Sync())
}

// grow has the kernel make a mounted file system as large as its device becomes.
func grow(t *testing.T, path, at string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	device, _, _ := strings.Cut(needs.Tool(t, "losetup", "-j", path), ":")
	needs.Tool(t, "losetup", "-c", device)
	dir, err := os.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	const resize = 0x40086610 // EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64)
	blocks := uint64(size / ext4.BlockSize)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), resize, uintptr(unsafe.Pointer(&blocks))); errno != 0 {
		t.Fatalf("growing to %d bytes: %v", size, errno)
	}
}

// A mounted file system grows within its groups, by groups, and by the blocks that describe groups.
func TestUpperGrows(t *testing.T) {
	if !needs.HasCapability(unix.CAP_SYS_RESOURCE) {
		t.Skip("root has no CAP_SYS_RESOURCE here, which the kernel asks for")
	}
	for _, sizes := range [][]int64{
		{64 * mib, 65 * mib, 300 * mib}, {500 * mib, 12 * gib}, {gib, 8*gib + 200*mib, 40 * gib},
		{16 * gib, 17 * gib, 1 << 40},
	} {
		t.Run(fmt.Sprint(sizes[0]), func(t *testing.T) {
			path, _ := newUpper(t, sizes[0])
			at, unmount := mount(t, path, "loop")
			use(t, at, "a", 500)
			before := treeOf(t, at)
			for _, size := range sizes[1:] {
				grow(t, path, at, size)
				var s unix.Statfs_t
				if err := unix.Statfs(at, &s); err != nil {
					t.Fatal(err)
				}
				if free := int64(s.Bavail) * s.Bsize; free < size*9/10-20*mib {
					t.Errorf("%d bytes of %d are free", free, size)
				}
			}
			wantTree(t, treeOf(t, at), before)
			use(t, at, "b", 500)
			if n, err := fill(filepath.Join(at, "filler"), 50*mib); err != nil {
				t.Errorf("after %d bytes: %v", n, err)
			}
			unmount()
			check(t, path)
			at, unmount = mount(t, path, "loop")
			use(t, at, "c", 100)
			unmount()
			check(t, path)
		})
	}
}

// The same arguments make the same bytes, and another seed makes another file system.
func TestUpperIsDeterministic(t *testing.T) {
	bytesOf := func(seed string) string {
		sink := newSink(t, true)
		if _, err := (ext4.Upper{Seed: seed, Size: 300 * mib}).Send(t.Context(), sink); err != nil {
			t.Fatal(err)
		}
		if _, err := sink.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		return hashOf(t, sink.Name())
	}
	if one := bytesOf("one"); one != bytesOf("one") || one == bytesOf("two") {
		t.Error("the seed does not decide")
	}
}
