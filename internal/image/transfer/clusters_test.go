package transfer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// inImage is the disk in a qcow2 image, as this package reads it.
func inImage(t *testing.T, s source) []byte {
	t.Helper()
	im := opened(t, s)
	disk := make([]byte, im.VirtualSize)
	bounds := newSending(nil)
	bounds.spooled = 1 << 40
	if _, err := eachBlock(t.Context(), im, bounds, func(block int64, data []byte) error {
		copy(disk[block*blockmap.BlockSize:], data)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return disk
}

// In every layout, the disk is the one that QEMU finds in it, read from a file and as a stream.
// Every layout can be compared, both as the image below another one and as the image above.
func TestClustersOfAllSizesGiveTheDisk(t *testing.T) {
	disk := imagetest.Textual()
	after := bytes.Clone(disk)
	copy(after[2<<20:], "changed")
	clear(after[3<<20 : 4<<20])
	dir := t.TempDir()
	rawBelow := mapped(t, after, "raw")
	var layouts []string
	for bits := 9; bits <= 21; bits++ {
		layouts = append(layouts, fmt.Sprintf("cluster_size=%d -c", 1<<bits))
		if bits%4 == 1 || bits == 16 {
			layouts = append(layouts, fmt.Sprintf("cluster_size=%d", 1<<bits),
				fmt.Sprintf("cluster_size=%d,compression_type=zstd -c", 1<<bits))
		}
	}
	layouts = append(layouts,
		"extended_l2=on,cluster_size=16k", "extended_l2=on,cluster_size=2M", "extended_l2=on,cluster_size=64k -c",
		"compat=0.10 -c", "compat=0.10,cluster_size=512", "refcount_bits=1 -c", "refcount_bits=64,cluster_size=4k",
		"preallocation=metadata")
	for n, layout := range layouts {
		if testing.Short() && n%5 != 0 { // the race detector learns no more from the others
			continue
		}
		t.Run(layout, func(t *testing.T) {
			raw, file := imagetest.WriteFile(t, disk), filepath.Join(dir, "image")
			options, compressed := strings.CutSuffix(layout, " -c")
			command := []string{"qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options, raw, file}
			if compressed {
				command = append(command, "-c")
			}
			needs.Tool(t, command...)
			needs.Tool(t, "qemu-img", "convert", "-f", "qcow2", "-O", "raw", file, raw)
			want := imagetest.SHA256(imagetest.ReadFile(t, raw))
			if want != imagetest.SHA256(disk) {
				t.Fatal("QEMU finds another disk in it")
			}
			data := imagetest.ReadFile(t, file)
			stream := func() source { return source{once: bytes.NewReader(data), length: int64(len(data))} }
			for from, s := range map[string]source{"a file": {path: file}, "a stream": stream()} {
				if got := imagetest.SHA256(inImage(t, s)); got != want {
					t.Errorf("the disk in %s is %s, and %s by QEMU", from, got, want)
				}
			}
			if got, _ := sentChanges(t, stream(), rawBelow); imagetest.SHA256(got) != want {
				t.Error("the changes in it give another disk")
			}
			m, err := MapImage(t.Context(), opened(t, source{path: file}))
			if err != nil {
				t.Fatal(err)
			}
			wantMap(t, m, disk)
			sent, err := opened(t, source{path: file}).Send(t.Context(), Discard, MapBlocks())
			if err != nil {
				t.Fatal(err)
			}
			if sent.Blocks != nil {
				wantMap(t, sent.Blocks, disk)
			}
			if whole := wholeBlocks(layout); whole != (sent.Blocks != nil) {
				t.Errorf("sending it maps it: %t", sent.Blocks != nil)
			}
			onIt := Below{Path: file, Format: "qcow2", Blocks: m}
			if got, _ := sentChanges(t, source{path: rawBelow.Path}, onIt); !bytes.Equal(got, after) {
				t.Error("what stands on it has another disk")
			}
		})
	}
}

// wholeBlocks reports whether the blocks of an image in that layout are those of its disk.
func wholeBlocks(layout string) bool {
	return !strings.HasSuffix(layout, " -c") && !strings.Contains(layout, "extended_l2") &&
		slices.Contains([]string{"", "cluster_size=65536", "cluster_size=131072", "cluster_size=2097152"},
			strings.TrimPrefix(layout, "preallocation=metadata"))
}

// counted counts the bytes that are read.
type counted struct {
	r io.ReaderAt
	n int
}

func (c *counted) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.r.ReadAt(p, offset)
	c.n += n
	return n, err
}

// What is missing from an image that was cut off would read as zeros.
func TestAnImageThatIsCutOffIsNotOpened(t *testing.T) {
	whole := imagetest.Converted(t, imagetest.Textual())
	_, err := open(t.Context(), source{path: imagetest.WriteFile(t, whole[:len(whole)/2])})
	imagetest.WantError[*image.NotAnImageError](t, err)
}

// A cluster that begins within a block, as in no image that QEMU writes, is not mapped by the blocks
// of the file.
func TestAClusterOutOfPlaceIsMappedByReadingIt(t *testing.T) {
	data := imagetest.Converted(t, imagetest.Textual())
	number := func(at uint64) uint64 { return binary.BigEndian.Uint64(data[at:]) &^ (1 << 63) }
	entry := number(number(40)) // of the first cluster, in the table that the first entry of L1 leads to
	binary.BigEndian.PutUint64(data[entry:], number(entry)+512)
	file := imagetest.WriteFile(t, data)
	sent, err := opened(t, source{path: file}).Send(t.Context(), Discard, MapBlocks())
	if err != nil || sent.Blocks != nil {
		t.Errorf("it is mapped: %t, %v", sent.Blocks != nil, err)
	}
	m, err := MapImage(t.Context(), opened(t, source{path: file}))
	if err != nil {
		t.Fatal(err)
	}
	wantMap(t, m, inImage(t, source{path: file}))
}

// Each cluster is decompressed once, regardless of its size.
func TestALargeClusterIsDecompressedOnce(t *testing.T) {
	for _, kind := range []string{"zlib", "zstd"} {
		file := imagetest.Converted(t, imagetest.Textual(), "-c", "-o", "cluster_size=2M,compression_type="+kind)
		read := &counted{r: bytes.NewReader(file)}
		disk, err := qcow2Contents(t.Context(), image.Origin{Name: "image", Attribute: "path"}, read, int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		before := read.n
		if err := disk.eachBlock(t.Context(), func(int64, []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		// Most of it is clusters with one table each; the tables of the disk's clusters are read twice.
		if read.n-before > len(file) {
			t.Errorf("%s: %d bytes of a file of %d were read", kind, read.n-before, len(file))
		}
	}
}

// False claims of an image cost nothing: its tables are read only as far as they exist.
func TestAnImageThatClaimsMuchIsReadAtOnce(t *testing.T) {
	for _, claim := range []string{"cluster_size=64k 60T", "cluster_size=2M 1P", "cluster_size=512 20G"} {
		options, size, _ := strings.Cut(claim, " ")
		path := filepath.Join(t.TempDir(), "image")
		needs.Tool(t, "qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, size)
		needs.Tool(t, "qemu-io", "-c", "write -P 7 10G 300k", path)
		im := opened(t, source{path: path})
		m, err := MapImage(t.Context(), im)
		if err != nil {
			t.Fatal(err)
		}
		if m.Size != im.VirtualSize || m.Data() != 5 {
			t.Errorf("%s: a disk of %d bytes with %d blocks of data", claim, m.Size, m.Data())
		}
		below := mapped(t, imagetest.RawDisk(1<<20), "raw")
		if _, err = opened(t, source{path: path}).SendChanges(t.Context(), Discard, below); err != nil {
			t.Error(err)
		}
	}
	huge := imagetest.Qcow2(func(h *qcow2.HeaderFieldsV2, _ *qcow2.HeaderFieldsV3) {
		h.ClusterBits, h.Size, h.L1Size = 21, 2<<60, 4<<20
	})
	_, err := open(t.Context(), source{path: imagetest.WriteFile(t, huge)})
	said := imagetest.WantError[*image.UnsupportedImageError](t, err)
	if !strings.Contains(said.Reason, "2305843009213693952 bytes") {
		t.Errorf("it says %q", said.Reason)
	}
}
