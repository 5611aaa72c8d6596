package ext4_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
)

// archive makes a tar of the items.
func archive(t testing.TB, items []item) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	for _, it := range items {
		it.Format = tar.FormatPAX
		it.Size = int64(len(it.content))
		if it.ModTime.IsZero() {
			it.ModTime = madeAt
		}
		if err := w.WriteHeader(&it.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, it.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

// fromTar returns a function that reads the archive from its beginning each time.
func fromTar(data []byte) func() ext4.Entries {
	return func() ext4.Entries { return ext4.FromTar(tar.NewReader(bytes.NewReader(data))) }
}

// unpacked has GNU tar unpack an archive, and returns where.
func unpacked(t testing.TB, data []byte) string {
	t.Helper()
	if os.Geteuid() != 0 {
		needs.Missing(t, "only root unpacks devices and owners")
	}
	to := t.TempDir()
	path := filepath.Join(t.TempDir(), "root.tar")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	needs.Tool(t, "tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--delay-directory-restore",
		"-xpf", path, "-C", to)
	return to
}

// treeOf says all that the kernel says of what is in a directory, by paths. Names of one file are
// told by the first of them.
func treeOf(t testing.TB, root string) map[string]string {
	t.Helper()
	tree, first := map[string]string{}, map[uint64]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, s := strings.TrimPrefix(path, root), statOf(t, path)
		if _, known := first[s.Ino]; !known {
			first[s.Ino] = name
		}
		text := fmt.Sprintf("mode %o owner %d:%d device %x modified %d.%09d first %q", s.Mode, s.Uid, s.Gid, s.Rdev,
			s.Mtim.Sec, s.Mtim.Nsec, first[s.Ino])
		if !d.IsDir() {
			text += fmt.Sprintf(" links %d size %d", s.Nlink, s.Size)
		}
		switch {
		case d.Type().IsRegular():
			text += " content " + hashOf(t, path)
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" target %q", target)
		}
		tree[name] = text + xattrsOf(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func hashOf(t testing.TB, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

func xattrsOf(t testing.TB, path string) (text string) {
	t.Helper()
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	list := strings.FieldsFunc(string(names[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(list)
	for _, name := range list {
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
		text += fmt.Sprintf(" %s=%x", name, value[:n])
	}
	return text
}

// wantTree checks that two trees are the same. Some names of the first one's root may be missing in
// the second one.
func wantTree(t testing.TB, got, want map[string]string, added ...string) {
	t.Helper()
	for _, name := range added {
		if want["/"+name] == "" {
			delete(got, "/"+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Fatalf("%.100q is\n%.400s, not\n%.400s", name, got[name], want[name])
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%q is there as well", name)
	}
}
