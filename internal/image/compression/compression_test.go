package compression

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// unpacked is what a file has compressed, and in how many parts.
func unpacked(t *testing.T, file []byte) (content []byte, parts int, err error) {
	t.Helper()
	method := Of(file[:min(len(file), 128<<10)])
	if method == nil {
		t.Fatal("it is not compressed")
	}
	r, err := method.Open(image.Volume("pool", "disk"), bytes.NewReader(file))
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	content, err = io.ReadAll(r)
	return content, r.Parts(), err
}

func TestSeveralMembersAreOneFile(t *testing.T) {
	disk := imagetest.RawDisk(1 << 20)
	for _, tool := range imagetest.Tools {
		t.Run(tool, func(t *testing.T) {
			file := append(imagetest.Packed(t, tool, disk[:300000]), imagetest.Packed(t, tool, disk[300000:])...)
			if got, parts, err := unpacked(t, file); err != nil || !bytes.Equal(got, disk) || parts != 2 {
				t.Errorf("got %d bytes of %d in %d parts, %v", len(got), len(disk), parts, err)
			}
		})
	}
}

// A file that is cut off or damaged at any place yields no image.
func TestDamagedCompressionIsTold(t *testing.T) {
	disk := imagetest.RawDisk(1 << 20)
	for i := range disk[4096:] {
		disk[4096+i] ^= byte(i * i >> 7) // not too easy to compress
	}
	for _, tool := range imagetest.Tools {
		t.Run(tool, func(t *testing.T) {
			file := imagetest.Packed(t, tool, disk)
			cut := [][]byte{file[:12], file[:len(file)/2], file[:len(file)-1]}
			bad := bytes.Clone(file)
			bad[len(bad)-len(bad)/8] ^= 0x55
			if tool == "zstd" { // its tool adds no checksum here, so not every damage is detected
				bad = bad[:len(bad)/3]
			}
			for n, data := range append(cut, bad) {
				_, _, err := unpacked(t, data)
				said := imagetest.WantError[*image.NotAnImageError](t, err).Reason
				if !strings.Contains(said, tool+" data") {
					t.Errorf("case %d: it says %q", n, said)
				}
				imagetest.WantBlamed(t, err, "volume")
			}
		})
	}
}

// A file that would take much memory to decompress is refused before it does.
func TestDecompressionTakesBoundedMemory(t *testing.T) {
	disk := imagetest.RawDisk(1 << 20)
	for tool, files := range map[string][][]byte{
		"xz": {
			imagetest.Packed(t, "xz", disk, "--lzma2=dict=128MiB"),
			append(imagetest.Packed(t, "xz", disk), imagetest.Packed(t, "xz", disk, "--lzma2=dict=1GiB")...),
		},
		"zstd": {wideWindow(t)},
	} {
		for n, file := range files {
			_, _, err := unpacked(t, file)
			said := imagetest.WantError[*image.UnsupportedImageError](t, err).Reason
			if !strings.Contains(said, "64 MiB of memory") {
				t.Errorf("%s %d: it says %q", tool, n, said)
			}
		}
	}
	for tool, flags := range map[string][]string{"xz": {"-9e"}, "zstd": {"--ultra", "-21"}} {
		if _, _, err := unpacked(t, imagetest.Packed(t, tool, disk, flags...)); err != nil {
			t.Errorf("%s %v: %v", tool, flags, err)
		}
	}
}

// wideWindow is a zstd stream, of a length that its header does not give, with a window of 128 MiB.
func wideWindow(t *testing.T) []byte {
	var file bytes.Buffer
	z, err := zstd.NewWriter(&file, zstd.WithWindowSize(128<<20))
	if err != nil {
		t.Fatal(err)
	}
	_, err = z.Write(imagetest.RawDisk(1 << 20))
	err = errors.Join(err, z.Flush())
	_, more := z.Write(imagetest.RawDisk(512))
	if err = errors.Join(err, more, z.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}
