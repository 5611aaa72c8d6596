package overlay

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
)

// sparse creates a file of size bytes that has the text at the offsets.
func sparse(t *testing.T, size int64, at map[int64]string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for offset, text := range at {
		if _, err := f.WriteAt([]byte(text), offset); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// write writes the file of an overlay that holds the changes, with that data.
func write(t *testing.T, c *Changes, s Spec, data io.Reader) string {
	t.Helper()
	f, err := c.File(s)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "overlay")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	header, err := f.Header()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.WriteAt(header, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.NewOffsetWriter(out, DataOffset), data); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteTables(io.NewOffsetWriter(out, f.TablesOffset())); err != nil {
		t.Fatal(err)
	}
	if info, err := out.Stat(); err != nil || info.Size() != f.Size() {
		t.Errorf("the file has %d bytes, want %d (%v)", info.Size(), f.Size(), err)
	}
	needs.Tool(t, "qemu-img", "check", "-q", "-f", "qcow2", path)
	return path
}

func cluster(text string) []byte { return append([]byte(text), make([]byte, ClusterSize-len(text))...) }

// A disk of several L2 tables, with one in between that nothing refers to.
func TestOverlayHoldsWhatDiffers(t *testing.T) {
	const size, table = 3<<30 - 512, perL2 * ClusterSize
	below := sparse(t, size, map[int64]string{
		0: "stays", ClusterSize: "goes", table - 1: "goes, too", 3 * table: "changes",
	})
	want := sparse(t, size, map[int64]string{
		0: "stays", 2 * ClusterSize: "comes", 3 * table: "has changed", size - 3: "end",
	})
	var c Changes
	c.Zeros(1)
	c.Data(2)
	c.Zeros(perL2 - 1)
	c.Zeros(perL2)
	c.Data(3 * perL2)
	c.Data((size - 1) / ClusterSize)
	var data bytes.Buffer
	for _, text := range []string{"comes", "has changed", strings.Repeat("\x00", ClusterSize-512-3) + "end"} {
		data.Write(cluster(text))
	}
	path := write(t, &c, Spec{size, below, "raw"}, &data)
	needs.Tool(t, "qemu-img", "compare", "-f", "qcow2", "-F", "raw", path, want)
	info := needs.Tool(t, "qemu-img", "info", "-U", path)
	for _, line := range []string{
		"backing file: " + below, "backing file format: raw", fmt.Sprintf("(%d bytes)", size),
	} {
		if !strings.Contains(info, line) {
			t.Errorf("qemu-img does not find %q:\n%s", line, info)
		}
	}
}

// The reference counts take more than one block if the data does.
func TestOverlayCountsItsClusters(t *testing.T) {
	const size = 1 << 40
	below := sparse(t, size, nil)
	for _, clusters := range []int64{0, perRefs - 8, perRefs - 4, perRefs - 3, perRefs, 2*perRefs + 5} {
		var c Changes
		for n := range clusters {
			c.Data(n)
		}
		write(t, &c, Spec{size, below, "raw"}, bytes.NewReader(nil))
	}
}

func TestOverlayThatCannotBeIsRefused(t *testing.T) {
	for name, s := range map[string]Spec{
		"no size":       {0, "/a", "raw"},
		"odd size":      {1000, "/a", "raw"},
		"too large":     {1 << 62, "/a", "raw"},
		"nothing below": {512, "", "raw"},
		"long name":     {512, strings.Repeat("a", 1024), "raw"},
		"no format":     {512, "/a", ""},
		"other format":  {512, "/a", "vmdk"},
	} {
		if _, err := new(Changes).File(s); err == nil {
			t.Errorf("%s: it is made", name)
		}
	}
}
