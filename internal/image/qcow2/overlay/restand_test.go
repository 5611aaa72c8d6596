package overlay

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// An overlay that QEMU has made and written to stands on another file of the same disk, and is otherwise
// as it was.
func TestOverlaysOfQEMUStandOnAnotherFile(t *testing.T) {
	const size = 8 << 20
	for _, options := range []string{"compat=1.1", "compat=0.10", "compat=1.1,lazy_refcounts=on", "cluster_size=4k"} {
		for _, format := range []string{"raw", "qcow2"} {
			dir := t.TempDir()
			below, path := sparse(t, size, map[int64]string{4096: "below"}), filepath.Join(dir, "overlay")
			other := filepath.Join(dir, strings.Repeat("other", 20))
			needs.Tool(t, "qemu-img", "convert", "-f", "raw", "-O", format, below, other)
			needs.Tool(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", options, "-b", below, "-F", "raw", path)
			needs.Tool(t, "qemu-io", "-c", "write -P 7 1M 64k", path)
			want := filepath.Join(dir, "want")
			needs.Tool(t, "qemu-img", "convert", "-O", "raw", path, want)

			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			first, err := Restand(file[:min(ClusterSize, len(file))], other, format)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(first, file[len(first):]...), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(below); err != nil {
				t.Fatal(err)
			}
			needs.Tool(t, "qemu-img", "check", "-q", "-f", "qcow2", path)
			needs.Tool(t, "qemu-img", "compare", "-f", "qcow2", "-F", "raw", path, want)
			info := needs.Tool(t, "qemu-img", "info", path)
			if !strings.Contains(info, fmt.Sprintf("backing file: %s\nbacking file format: %s\n", other, format)) {
				t.Errorf("%s: qemu-img says %s", options, info)
			}
		}
	}
}

// FuzzRestand gives any header another backing file: it is refused, or only that changes.
func FuzzRestand(f *testing.F) {
	var c Changes
	c.Data(3)
	file, err := c.File(Spec{1 << 30, "/pool/below", "raw"})
	if err != nil {
		f.Fatal(err)
	}
	first, err := file.Header()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first[:256], "/pool/other", "qcow2")
	f.Add(first[:140], "/pool/a/longer/name", "raw")
	f.Add(first[:104], "json:{}", "raw")
	f.Fuzz(func(t *testing.T, first []byte, backing, format string) {
		before := bytes.Clone(first)
		got, err := Restand(first, backing, format)
		if !bytes.Equal(first, before) {
			t.Fatal("the header that was given has changed")
		}
		if err != nil {
			return
		}
		h := fields(t, append(bytes.Clone(got), make([]byte, 104)...))
		if len(got) != len(first) || string(got[h.BackingFileOffset:][:h.BackingFileSize]) != backing {
			t.Fatalf("it has %d bytes and stands on %q", len(got), got[h.BackingFileOffset:][:h.BackingFileSize])
		}
		if again, err := Restand(got, backing, format); err != nil || !bytes.Equal(again, got) {
			t.Errorf("again it is another header, %v", err)
		}
	})
}
