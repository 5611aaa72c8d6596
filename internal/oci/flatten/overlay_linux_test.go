package flatten_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
	"github.com/novacron/terraform-provider-novacron/internal/oci/flatten"
	. "github.com/novacron/terraform-provider-novacron/internal/oci/ocitest" //nolint:revive // entries read as a list
)

// seeds is how many images are made at random.
const seeds = 25

// untar has GNU tar write an archive into a directory.
func untar(t testing.TB, content []byte, directory string) {
	t.Helper()
	needs.Installed(t, "tar")
	cmd := exec.CommandContext(t.Context(), "tar", "--xattrs", "--xattrs-include=*", "--numeric-owner",
		"--delay-directory-restore", "-xpf", "-", "-C", directory)
	cmd.Stdin = bytes.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

// tree describes all files below a directory. Names of one file have the same first name after "=".
func tree(t testing.TB, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	first := map[[2]uint64]string{}
	err := filepath.WalkDir(root, func(at string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, at)
		var st unix.Stat_t
		if err := unix.Lstat(at, &st); err != nil {
			return err
		}
		text := fmt.Sprintf("%o %d:%d %d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %x", sha256.Sum256(data))
		case unix.S_IFLNK:
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			text += " -> " + target
		case unix.S_IFCHR, unix.S_IFBLK:
			text += fmt.Sprintf(" %d", st.Rdev)
		}
		if value := make([]byte, 100); st.Mode&unix.S_IFMT != unix.S_IFLNK {
			if n, err := unix.Lgetxattr(at, "user.mark", value); err == nil {
				text += fmt.Sprintf(" user.mark=%s", value[:n])
			}
		}
		if id := [2]uint64{st.Dev, st.Ino}; st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if _, seen := first[id]; !seen {
				first[id] = name
			}
			text += " =" + first[id]
		}
		found[name] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// compare reports how two trees differ.
func compare(t testing.TB, got, want map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: got %q, want %q", name, got[name], want[name])
		}
	}
	for name, text := range got {
		if _, there := want[name]; !there {
			t.Errorf("%s: got %q, want nothing", name, text)
		}
	}
}

// written flattens layers, and has tar write the result to a directory.
func written(t testing.TB, layers []archive.Layer) string {
	t.Helper()
	index, err := flatten.Index(t.Context(), layers, options)
	if err != nil {
		t.Fatal(err)
	}
	var flat bytes.Buffer
	if _, err := index.WriteTar(t.Context(), &flat); err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	untar(t, flat.Bytes(), directory)
	return directory
}

// The kernel lays the same layers over each other, as container engines have it do.
func TestTheResultIsThatOfOverlayfs(t *testing.T) {
	if os.Geteuid() != 0 {
		needs.Missing(t, "root is needed to mount")
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			layers, removed := random(rand.New(rand.NewPCG(seed, 1)), false)
			base := t.TempDir()
			needs.Tool(t, "mount", "-t", "tmpfs", "tmpfs", base)
			defer needs.Tool(t, "umount", base)
			if err := unix.Setxattr(base, "user.try", nil, 0); errors.Is(err, unix.EOPNOTSUPP) {
				needs.Missing(t, "a tmpfs has no attributes of users: that takes Linux 6.6")
			}
			mustDo(t, unix.Removexattr(base, "user.try"))
			lower := []string{filepath.Join(base, "empty")}
			for n, l := range layers {
				directory := filepath.Join(base, fmt.Sprint(n))
				lower = append([]string{directory}, lower...)
				mustDo(t, os.Mkdir(directory, 0o755))
				untar(t, Tar(t, plain(l)...), directory)
				root, err := os.Stat(directory)
				mustDo(t, err)
				for _, at := range removed[n] {
					at = filepath.Join(directory, at)
					parent, err := os.Stat(filepath.Dir(at))
					mustDo(t, err)
					if filepath.Base(at) == ".wh..wh..opq" {
						mustDo(t, unix.Lsetxattr(filepath.Dir(at), "trusted.overlay.opaque", []byte("y"), 0))
					} else {
						mustDo(t, unix.Mknod(at, unix.S_IFCHR, 0))
					}
					mustDo(t, os.Chtimes(filepath.Dir(at), parent.ModTime(), parent.ModTime()))
				}
				mustDo(t, os.Chtimes(directory, root.ModTime(), root.ModTime()))
			}
			mustDo(t, os.Mkdir(filepath.Join(base, "empty"), 0o755), os.Mkdir(filepath.Join(base, "merged"), 0o755))
			merged := filepath.Join(base, "merged")
			needs.Tool(t, "mount", "-t", "overlay", "overlay", "-o", "ro,lowerdir="+strings.Join(lower, ":"), merged)
			defer needs.Tool(t, "umount", merged)

			compare(t, tree(t, written(t, Layers(t, layers...))), tree(t, merged))
			if t.Failed() {
				for n, l := range layers {
					for _, e := range l {
						t.Logf("layer %d: %c %s %s", n+1, e.Typeflag, e.Name, e.Linkname)
					}
				}
			}
		})
	}
}

// So does tar, one layer after another, where files of lower layers may get further names.
func TestTheResultIsThatOfUnpackingLayersInTurn(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			layers, removed := random(rand.New(rand.NewPCG(seed, 2)), true)
			directory := t.TempDir()
			for n, l := range layers {
				for _, at := range removed[n] {
					mustDo(t, os.RemoveAll(filepath.Join(directory, at)))
				}
				untar(t, Tar(t, plain(l)...), directory)
			}
			compare(t, tree(t, written(t, Layers(t, layers...))), tree(t, directory))
		})
	}
}

func mustDo(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Files of a real system, as GNU tar writes them in each of its formats.
func TestFormatsOfTar(t *testing.T) {
	const zones = "usr/share/zoneinfo" // files, symlinks and hard links
	if _, err := os.Stat("/" + zones); err != nil {
		needs.Missing(t, "/%s is not there: install the package tzdata", zones)
	}
	root := t.TempDir()
	untar(t, []byte(needs.Tool(t, "tar", "-C", "/", "-cf", "-", zones)), root)
	long := filepath.Join(root, strings.Repeat(strings.Repeat("long", 20)+"/", 3))
	mustDo(t, os.MkdirAll(long, 0o700), os.WriteFile(filepath.Join(long, "naïve"), []byte("x"), 0o4711),
		os.Link(filepath.Join(long, "naïve"), filepath.Join(root, "link")))
	for _, format := range []string{"gnu", "oldgnu", "pax"} {
		t.Run(format, func(t *testing.T) {
			archived := []byte(needs.Tool(t, "tar", "-C", root, "--format="+format, "-cf", "-", "."))
			got := written(t, []archive.Layer{Layer("layer 1", archived)})
			want := t.TempDir()
			untar(t, archived, want)
			compare(t, tree(t, got), tree(t, want))
		})
	}
}
