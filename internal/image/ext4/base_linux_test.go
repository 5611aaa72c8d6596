package ext4_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

const xattr = "SCHILY.xattr."

// with changes an item.
func with(it item, change func(*tar.Header)) item {
	change(&it.Header)
	return it
}

// everything is an archive with all kinds of files, and all that they may have.
func everything() []item {
	// As setcap cap_net_raw+ep has it: version 2 with its effective bit, then the sets.
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00" + strings.Repeat("\x00", 12)
	acl := "\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\xe8\x03\x00\x00" +
		"\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x04\x00\xff\xff\xff\xff" + "\x20\x00\x04\x00\xff\xff\xff\xff"
	attributes := func(list map[string]string) func(*tar.Header) {
		return func(h *tar.Header) {
			h.PAXRecords = map[string]string{}
			for name, value := range list {
				h.PAXRecords[xattr+name] = value
			}
		}
	}
	device := func(name string, kind byte, major, minor int64) item {
		h := tar.Header{Name: name, Typeflag: kind, Mode: 0o660, Gid: 5, Devmajor: major, Devminor: minor}
		return item{Header: h}
	}
	return []item{
		with(dir("./"), func(h *tar.Header) {
			h.Mode, h.Uid, h.Gid, h.ModTime = 0o1751, 12, 34, time.Unix(1_000_000_000, 5)
			h.PAXRecords = map[string]string{xattr + "user.root": "yes"}
		}),
		dir("bin"),
		with(file("bin/su", "#!"), func(h *tar.Header) { h.Mode = 0o6755 }),
		with(file("bin/ping", "#!"), attributes(map[string]string{"security.capability": capability})),
		with(file("owned", "x"), func(h *tar.Header) { h.Uid, h.Gid = 4_000_000_000, 70_000 }),
		with(file("before", ""), func(h *tar.Header) { h.ModTime = time.Unix(-1_000_000_000, 999_999_999) }),
		with(file("after", ""), func(h *tar.Header) { h.ModTime = time.Unix(10_000_000_000, 1) }),
		with(file("attributes", "x"), attributes(map[string]string{
			"user.empty": "", "user.one": "1", "user.text": "some text", "trusted.seen": "by root",
		})),
		with(file("attributes-block", "x"), attributes(map[string]string{
			"user.long": strings.Repeat("long", 700), "user.b": "b", "user.aa": "\x00\xff", "security.other": "s",
			"user.\xc3\xa4": "not ASCII",
		})),
		with(dir("attributes-directory"), attributes(map[string]string{"user.long": strings.Repeat("x", 500)})),
		with(file("acl", "x"), attributes(map[string]string{"system.posix_acl_access": acl})),
		with(dir("acl-default"), attributes(map[string]string{"system.posix_acl_default": acl})),
		symlink("short", "bin/su"),
		symlink("short-full", strings.Repeat("a", 59)),
		symlink("long", strings.Repeat("a", 60)),
		symlink("longest", strings.Repeat("dir/", 1023)+"end"),
		hardLink("bin/su-again", "bin/su"),
		hardLink("link-again", "./short"),
		hardLink("ping", "/bin/ping"),
		device("null", tar.TypeChar, 1, 3),
		device("disk", tar.TypeBlock, 8, 1),
		device("large", tar.TypeChar, 4095, 1<<20-1),
		device("middle", tar.TypeBlock, 255, 256),
		device("fifo", tar.TypeFifo, 0, 0),
		file(strings.Repeat("n", 255), "a long name"),
		file("\xff\xfe not UTF-8 \"\n", "a strange name"),
		file("empty", ""),
		file("zeros", strings.Repeat("\x00", 5000)),
		file("one", "1"),
		file("block", strings.Repeat("b", 4096)),
		file("holes", strings.Repeat("\x00", 200_000)+"data"+strings.Repeat("\x00", 200_000)+"end"),
		file("large-file", strings.Repeat("0123456789abcdef", 100_000)),
		with(dir("attributes-directory/sub/"), func(h *tar.Header) { h.Mode = 0o2770 }),
		file("attributes-directory/sub/file", "deep"),
	}
}

func TestEverythingIsKept(t *testing.T) {
	data := archive(t, everything())
	at, _ := mount(t, write(t, options(), fromTar(data)), "loop,ro")
	wantTree(t, treeOf(t, at), treeOf(t, unpacked(t, data)), ext4.ContainerDirectories()...)
	for _, name := range ext4.ContainerDirectories() {
		if s := statOf(t, filepath.Join(at, name)); s.Mode != 0o40755 || s.Uid != 0 || s.Mtim.Sec != 1_000_000_000 {
			t.Errorf("%s is %+v", name, s)
		}
	}
}

// Trees of names, kinds and sizes by chance: what GNU tar unpacks is what the kernel reads.
func TestTreesByChance(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			data := archive(t, byChance(rand.New(rand.NewPCG(seed, 1))))
			at, _ := mount(t, write(t, options(), fromTar(data)), "loop,ro")
			wantTree(t, treeOf(t, at), treeOf(t, unpacked(t, data)), ext4.ContainerDirectories()...)
		})
	}
}

func byChance(r *rand.Rand) []item {
	dirs, files := []string{""}, []string{}
	items := []item{dir("./")}
	for n := range 300 + r.IntN(2000) {
		name := dirs[r.IntN(len(dirs))] + strings.Repeat("x", r.IntN(200)) + fmt.Sprint(n)
		it := file(name, "")
		switch kind := r.IntN(20); {
		case kind == 0 && len(name) < 1000:
			dirs = append(dirs, name+"/")
			it = dir(name)
		case kind == 1:
			it = symlink(name, strings.Repeat("t", 1+r.IntN(200)))
		case kind == 2 && len(files) > 0:
			items = append(items, hardLink(name, files[r.IntN(len(files))]))
			continue
		default:
			files = append(files, name)
			for range r.IntN(4) {
				it.content += strings.Repeat(string(rune(r.IntN(3))), r.IntN(1<<uint(1+r.IntN(18))))
			}
		}
		it.Mode = int64(r.IntN(0o10000))
		it.Uid, it.Gid = r.IntN(100_000), r.IntN(100_000)
		it.ModTime = time.Unix(r.Int64N(4e9), r.Int64N(1e9))
		it.PAXRecords = map[string]string{}
		for range r.IntN(3) {
			if it.Typeflag != tar.TypeSymlink {
				it.PAXRecords[xattr+"user."+strings.Repeat("k", 1+r.IntN(100))] = strings.Repeat("v", r.IntN(300))
			}
		}
		items = append(items, it)
	}
	return items
}

// Parents that no entry makes belong to root, and a directory may be described after its files.
func TestParentsAreMade(t *testing.T) {
	path := write(t, options(), entriesOf([]item{
		file("a/b/c", "deep"),
		with(dir("a"), func(h *tar.Header) { h.Mode, h.Uid = 0o700, 7 }),
		with(dir("proc"), func(h *tar.Header) { h.Mode = 0o555 }),
	}))
	at, _ := mount(t, path, "loop,ro")
	for name, want := range map[string][2]uint32{
		"": {0o755, 0}, "/a": {0o700, 7}, "/a/b": {0o755, 0}, "/proc": {0o555, 0},
	} {
		if s := statOf(t, at+name); s.Mode&0o7777 != want[0] || s.Uid != want[1] {
			t.Errorf("%q has the mode %o and the owner %d", name, s.Mode&0o7777, s.Uid)
		}
	}
}

// A directory of 100,000 names of up to 255 bytes is a hash tree with two levels; and there are more
// inodes than one group has.
func TestLargeDirectory(t *testing.T) {
	const count = 100_000
	entries := func() ext4.Entries {
		n := -1
		return func() (*tar.Header, io.Reader, error) {
			if n++; n == count {
				return nil, nil, io.EOF
			}
			return &tar.Header{Name: "all/" + numbered(n), Typeflag: tar.TypeReg, ModTime: madeAt, Uid: n}, nil, nil
		}
	}
	path := write(t, options(), entries)
	at, _ := mount(t, path, "loop,ro")
	for n := range count {
		if s := statOf(t, filepath.Join(at, "all", numbered(n))); s.Uid != uint32(n) {
			t.Fatalf("file %d belongs to %d", n, s.Uid)
		}
	}
	if _, err := os.Stat(filepath.Join(at, "all", "none")); !os.IsNotExist(err) {
		t.Errorf("a name that is not there: %v", err)
	}
	names, err := os.ReadDir(filepath.Join(at, "all"))
	if err != nil || len(names) != count {
		t.Errorf("there are %d names (%v)", len(names), err)
	}
}

func numbered(n int) string {
	name := fmt.Sprintf("%d-", n)
	return name + strings.Repeat("n", n%(255-len(name))+1)
}

// A directory with more subdirectories than a count of links holds.
func TestManySubdirectories(t *testing.T) {
	const count = 65_100
	items := make([]item, count)
	for n := range items {
		items[n] = dir(fmt.Sprintf("all/%d", n))
	}
	at, _ := mount(t, write(t, options(), entriesOf(items)), "loop,ro")
	if s := statOf(t, filepath.Join(at, "all")); s.Nlink != 1 {
		t.Errorf("it has %d links", s.Nlink)
	}
	if s := statOf(t, at); s.Nlink != 2+6 {
		t.Errorf("the root has %d links", s.Nlink)
	}
}

// sparse is a reader of size bytes: zeros, but for pieces.
type sparse struct {
	size, at int64
	pieces   map[int64]string
}

func (s *sparse) Read(p []byte) (int, error) {
	if s.at == s.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), s.size-s.at)
	clear(p[:n])
	for offset, text := range s.pieces {
		for i := range text {
			if at := offset + int64(i) - s.at; at >= 0 && at < n {
				p[at] = text[i]
			}
		}
	}
	s.at += n
	return int(n), nil
}

// A file of more than 4 GiB, most of it holes, takes as much room as its data.
func TestLargeSparseFile(t *testing.T) {
	const size = 5<<30 + 7
	pieces := map[int64]string{0: "begins", 1<<32 - 3: "across four GiB", size - 3: "end"}
	entries := func() ext4.Entries {
		done := false
		return func() (*tar.Header, io.Reader, error) {
			if done {
				return nil, nil, io.EOF
			}
			done = true
			h := &tar.Header{Name: "large", Typeflag: tar.TypeReg, Size: size, ModTime: madeAt}
			return h, &sparse{size: size, pieces: pieces}, nil
		}
	}
	path := write(t, options(), entries)
	if s := statOf(t, path); s.Size > 1<<20 {
		t.Errorf("the file system has %d bytes", s.Size)
	}
	at, _ := mount(t, path, "loop,ro")
	large := filepath.Join(at, "large")
	if s := statOf(t, large); s.Size != size || s.Blocks*512 > 512<<10 {
		t.Errorf("it has %d bytes, and takes %d", s.Size, s.Blocks*512)
	}
	f, err := os.Open(large)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for offset, want := range pieces {
		got := make([]byte, len(want))
		if _, err := f.ReadAt(got, offset); err != nil && err != io.EOF || string(got) != want {
			t.Errorf("at %d is %q (%v)", offset, got, err)
		}
	}
	got := make([]byte, 1<<20)
	if _, err := f.ReadAt(got, 1<<31); err != nil || !bytes.Equal(got, make([]byte, 1<<20)) {
		t.Errorf("a hole is not zeros (%v)", err)
	}
}

// A file with a hole after every piece needs a tree of extents with several levels.
func TestManyExtents(t *testing.T) {
	var content strings.Builder
	for n := range 1500 {
		content.WriteString(strings.Repeat(string(rune('a'+n%26)), 4096))
		content.WriteString(strings.Repeat("\x00", 124<<10))
	}
	for _, pieces := range []int{4, 5, 340, 341, 1360, 1361, 1500} {
		want := content.String()[:pieces<<17]
		at, unmount := mount(t, write(t, options(), entriesOf([]item{file("a", want), file("b", "after")})), "loop,ro")
		if got, err := os.ReadFile(filepath.Join(at, "a")); err != nil || string(got) != want {
			t.Errorf("%d: the content differs (%v)", pieces, err)
		}
		unmount()
	}
}
