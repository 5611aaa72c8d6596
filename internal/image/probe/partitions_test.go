package probe

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// madeCD is an image of a CD.
func madeCD(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "data"), imagetest.Random(3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "cd.iso")
	needs.Tool(t, "genisoimage", "-quiet", "-o", image, dir)
	return image
}

// hybrid makes a CD boot from a USB stick as well, with a master boot record that has these
// partitions, of type and first sector.
func hybrid(cd []byte, entries ...[2]uint32) []byte {
	image := append([]byte(nil), cd...)
	copy(image, "\x33\xed\x90\x90") // the beginning of isohybrid's code
	copy(image[510:], "\x55\xaa")
	for n, e := range entries {
		entry := image[446+16*n:]
		entry[0], entry[4] = 0x80*byte(1-min(n, 1)), byte(e[0])
		binary.LittleEndian.PutUint32(entry[8:], e[1])
		binary.LittleEndian.PutUint32(entry[12:], 2052)
	}
	return image
}

// guided puts a GPT into an image, with partitions of types and first sectors.
func guided(image []byte, entries map[string]uint64) []byte {
	image = hybrid(image, [2]uint32{0xee, 1})
	header := image[512:]
	copy(header, "EFI PART")
	binary.LittleEndian.PutUint64(header[72:], 2)
	binary.LittleEndian.PutUint32(header[80:], 128)
	binary.LittleEndian.PutUint32(header[84:], 128)
	at := 2 * 512
	for kind, first := range entries {
		copy(image[at:], kind)
		binary.LittleEndian.PutUint64(image[at+32:], first)
		at += 128
	}
	return image
}

func TestACDIsNotADiskThatOneWasWrittenTo(t *testing.T) {
	cd := imagetest.ReadFile(t, madeCD(t))
	const basic = "\xa2\xa0\xd0\xeb\xe5\xb9\x33\x44\x87\xc0\x68\xb6\xb7\x26\x99\xc7"
	system := string(gptSystem)
	for name, c := range map[string]struct {
		image []byte
		is    bool
	}{
		"a CD": {cd, true},
		// As isohybrid writes them, and xorriso for Debian, Ubuntu, GRUB and others.
		"isohybrid":                      {hybrid(cd, [2]uint32{0x17, 0}), true},
		"isohybrid for EFI":              {hybrid(cd, [2]uint32{0, 0}, [2]uint32{0xef, 136}), true},
		"a partition behind the table":   {hybrid(cd, [2]uint32{0xcd, 1}), true},
		"a partition with a volume":      {hybrid(cd, [2]uint32{0x17, 64}), true},
		"a GPT of gaps":                  {guided(cd, map[string]uint64{basic: 64, system: 2180}), true},
		"nothing but what EFI starts":    {guided(cd, map[string]uint64{system: 8364}), true},
		"an MBR for what EFI starts":     {hybrid(cd, [2]uint32{0xef, 8364}), true},
		"a boot sector without a table":  {hybrid(cd), true},
		"a disk":                         {hybrid(cd, [2]uint32{0x83, 2048}), false},
		"a disk of old":                  {hybrid(cd, [2]uint32{0x83, 63}), false},
		"a disk with a GPT":              {guided(cd, map[string]uint64{basic: 2048, system: 34}), false},
		"a disk with a GPT of one":       {guided(cd, map[string]uint64{basic: 2048}), false},
		"a disk of one file system":      {append(append(make([]byte, 1080), 0x53, 0xef), cd[1082:]...), false},
		"a disk with a file system, XFS": {append([]byte("XFSB"), cd[4:]...), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := probed(c.image)
			switch {
			case !c.is && err != nil:
				t.Errorf("it is refused: %v", err)
			case c.is && (err == nil || !strings.Contains(err.Error(), "an installation CD is not a disk image")):
				t.Errorf("the error is %v", err)
			}
		})
	}
}

// A disk is partitioned after a CD was written to it, by tools that users have.
func TestADiskOnWhichACDWasIsADisk(t *testing.T) {
	for _, label := range []string{"dos", "gpt"} {
		needs.Installed(t, "sfdisk")
		path := madeCD(t)
		if err := os.Truncate(path, 64<<20); err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), "sfdisk", "--quiet", "--wipe", "never", path)
		command.Stdin = strings.NewReader("label: " + label + "\nstart=2048, size=65536\n")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if format, _, err := probed(imagetest.ReadFile(t, path)); err != nil || format != image.FormatRaw {
			t.Errorf("%s: it is taken for %s, %v", label, format, err)
		}
	}
}

// FuzzPartitions looks for partitions in any input.
func FuzzPartitions(f *testing.F) {
	f.Add(hybrid(make([]byte, 2048), [2]uint32{0x83, 2048}, [2]uint32{0xef, 64})[440:512], []byte{})
	f.Add([]byte{}, guided(make([]byte, 2048), map[string]uint64{string(gptSystem): 34})[512:612])
	f.Fuzz(func(t *testing.T, mbr, gpt []byte) {
		head := make([]byte, 4096)
		copy(head[440:512], mbr)
		copy(head[512:], gpt)
		if n := len(partitions(head)); n > 4+2*len(head)/128 {
			t.Errorf("%d partitions in %d bytes", n, len(head))
		}
		isCD(head)
	})
}
