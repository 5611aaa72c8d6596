package compression

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

// skippable is a frame that zstd skips, as in pzstd and the seekable format.
func skippable(data string) []byte {
	frame := binary.LittleEndian.AppendUint32(nil, 0x184d2a50)
	return append(binary.LittleEndian.AppendUint32(frame, uint32(len(data))), data...)
}

// What the tools of a compression accept as whole is whole, and what follows it is named.
func TestWhatFollowsCompressedData(t *testing.T) {
	disk := imagetest.RawDisk(1 << 20)
	file := map[string][]byte{}
	for _, tool := range imagetest.Tools {
		file[tool] = imagetest.Packed(t, tool, disk)
	}
	tape := func(tool string) []byte {
		return append(bytes.Clone(file[tool]), make([]byte, 10240-len(file[tool])%10240)...)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	halves := func(tool string) (a, b []byte) {
		return imagetest.Packed(t, tool, disk[:300000]), imagetest.Packed(t, tool, disk[300000:])
	}
	ga, gb := halves("gzip")
	xa, xb := halves("xz")
	za, zb := halves("zstd")
	noise := []byte("and some text, too")
	const noGzip, noXZ = "trailing data that is not gzip follows", "trailing data that is not xz follows"
	long := string(make([]byte, 9000))
	for name, c := range map[string]struct {
		tool string
		file []byte
		says string // "" for a whole file
	}{
		"gzip on a tape":                 {"gzip", tape("gzip"), ""},
		"gzip, one zero":                 {"gzip", join(file["gzip"], []byte{0}), ""},
		"gzip, two members on a tape":    {"gzip", join(ga, gb, make([]byte, 70_000)), ""},
		"gzip, text":                     {"gzip", join(file["gzip"], noise), noGzip},
		"gzip, a byte":                   {"gzip", join(file["gzip"], noise[:1]), noGzip},
		"gzip, zeros and text":           {"gzip", join(file["gzip"], make([]byte, 512), noise), noGzip},
		"gzip, two members and text":     {"gzip", join(ga, gb, noise), noGzip},
		"gzip, half of a member":         {"gzip", join(ga, gb[:len(gb)/2]), "cut off"},
		"gzip, the header of a member":   {"gzip", join(ga, gb[:5]), "cut off"},
		"xz, padding":                    {"xz", join(file["xz"], make([]byte, 512)), ""},
		"xz, padding between":            {"xz", join(xa, make([]byte, 4), xb, make([]byte, 8)), ""},
		"xz, padding that is none":       {"xz", join(file["xz"], make([]byte, 6)), "damaged"},
		"xz, text":                       {"xz", join(file["xz"], noise), noXZ},
		"xz, a short text":               {"xz", join(file["xz"], noise[:4]), noXZ},
		"xz, half of a stream":           {"xz", join(xa, xb[:len(xb)/2]), "cut off"},
		"zstd, skipped at its beginning": {"zstd", join(skippable("here"), file["zstd"]), ""},
		"zstd, skipped twice": {"zstd", join(skippable(""), skippable(long), za, skippable("between"), zb),
			""},
		"zstd, much skipped":       {"zstd", join(skippable(string(make([]byte, 128<<10))), file["zstd"]), ""},
		"zstd, skipped at its end": {"zstd", join(file["zstd"], skippable("a table")), ""},
		"zstd, text": {
			"zstd", join(file["zstd"], noise), "trailing data that is not zstd follows",
		},
		"bzip2, text": {"bzip2", join(file["bzip2"], noise), "something else follows"},
		"gzip, on a tape, and cut before": {"gzip", join(file["gzip"][:len(file["gzip"])-4], make([]byte, 2)),
			"cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := unpacked(t, c.file)
			switch {
			case c.says == "" && (err != nil || !bytes.Equal(got, disk)):
				t.Errorf("got %d bytes, %v", len(got), err)
			case c.says != "":
				if said := imagetest.WantError[*image.NotAnImageError](t, err); !strings.Contains(said.Reason, c.says) {
					t.Errorf("it says %q, want %q", said.Reason, c.says)
				}
			}
			// The tool itself finds the same, except what it skips with a warning.
			cmd := exec.CommandContext(t.Context(), c.tool, "-t")
			cmd.Stdin = bytes.NewReader(c.file)
			if out, err := cmd.CombinedOutput(); c.says == "" && err != nil {
				t.Errorf("%s takes it for damaged: %v\n%s", c.tool, err, out)
			}
		})
	}
}

// pzstd begins each frame with its length, in a frame that is skipped.
func TestPzstd(t *testing.T) {
	needs.Installed(t, "pzstd")
	disk := bytes.Repeat(imagetest.Textual()[:4<<20], 4)
	file := imagetest.Packed(t, "pzstd", disk, "-p", "3")
	if !bytes.HasPrefix(file, []byte{0x50, 0x2a, 0x4d, 0x18}) {
		t.Fatalf("it begins with %x", file[:8])
	}
	if got, parts, err := unpacked(t, file); err != nil || parts < 2 || !bytes.Equal(got, disk) {
		t.Errorf("got %d bytes of %d in %d parts, %v", len(got), len(disk), parts, err)
	}
}
