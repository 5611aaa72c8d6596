package probe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lima-vm/go-qcow2reader/image/qcow2"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/imagetest"
)

type (
	v2Fields = qcow2.HeaderFieldsV2
	v3Fields = qcow2.HeaderFieldsV3
)

// v2 is an image whose header differs in fields that version 2 has already.
func v2(change func(h *v2Fields)) []byte {
	return imagetest.Qcow2(func(h *v2Fields, _ *v3Fields) { change(h) })
}

// standing gives a header the name of a backing file, of that many bytes at that place.
func standing(offset uint64, size uint32) func(*v2Fields) {
	return func(h *v2Fields) { h.BackingFileOffset, h.BackingFileSize = offset, size }
}

// v3 is an image whose header differs in fields that came with version 3.
func v3(change func(x *v3Fields)) []byte {
	return imagetest.Qcow2(func(_ *v2Fields, x *v3Fields) { change(x) })
}

// marked is a blank megabyte with a mark in it.
func marked(offset int, mark string) []byte {
	data := make([]byte, 1<<20)
	copy(data[offset:], mark)
	return data
}

// probed probes a file with the given data.
func probed(data []byte) (image.Format, int64, error) {
	return Image(image.Origin{Name: "f", Attribute: "path"}, bytes.NewReader(data), int64(len(data)))
}

func TestGoodImagesAreRecognised(t *testing.T) {
	for name, c := range map[string]struct {
		data    []byte
		format  image.Format
		virtual int64
	}{
		"qcow2":           {imagetest.Qcow2(nil), image.FormatQcow2, 1 << 30},
		"qcow2 version 2": {v2(func(h *v2Fields) { h.Version = 2 }), image.FormatQcow2, 1 << 30},
		"qcow2 with zstd": {v3(func(x *v3Fields) { x.IncompatibleFeatures = 1 << 3 }), image.FormatQcow2,
			1 << 30},
		"qcow2 of a shrunken disk": {v2(func(h *v2Fields) { h.Size = 512 }), image.FormatQcow2, 512},
		"MBR":                      {imagetest.RawDisk(4096), image.FormatRaw, 4096},
		"one boot sector":          {imagetest.RawDisk(512), image.FormatRaw, 512},
		"GPT":                      {marked(512, "EFI PART"), image.FormatRaw, 1 << 20},
		"GPT of 4096-byte sectors": {marked(4096, "EFI PART"), image.FormatRaw, 1 << 20},
		"ext4":                     {marked(1080, "\x53\xef"), image.FormatRaw, 1 << 20},
		"XFS":                      {marked(0, "XFSB"), image.FormatRaw, 1 << 20},
		"btrfs":                    {marked(65600, "_BHRfS_M"), image.FormatRaw, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if format, virtual, err := probed(c.data); err != nil || format != c.format || virtual != c.virtual {
				t.Errorf("it is taken for %s of %d bytes, %v", format, virtual, err)
			}
		})
	}
}

// oldTar is an archive as Unix version 7 has it, without the magic of later ones: tar --format=v7.
func oldTar() []byte {
	archive := make([]byte, 1<<20)
	copy(archive, "etc/")
	copy(archive[100:], "0000755\x000000000\x000000000\x0000000000000\x0000000000000\x00        5")
	sum := 0
	for _, b := range archive[:512] {
		sum += int(b)
	}
	copy(archive[148:], fmt.Sprintf("%06o\x00 ", sum))
	return archive
}

// Containers may be made of an archive of any age.
func TestTarArchivesAreForContainers(t *testing.T) {
	for name, head := range map[string][]byte{"old": oldTar(), "POSIX": marked(257, "ustar\x0000")} {
		_, _, err := probed(head)
		if e := imagetest.WantError[*image.UnsupportedImageError](t, err); !e.Root {
			t.Errorf("%s: got %v", name, err)
		}
	}
	damaged := oldTar()
	damaged[0] = 'E'
	if _, _, err := probed(damaged); err == nil || strings.Contains(err.Error(), "tar archive") {
		t.Errorf("with a wrong checksum: %v", err)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	fixedVHD := append(imagetest.RawDisk(1<<20), append([]byte("conectix"), make([]byte, 504)...)...)
	hybridISO := append(imagetest.RawDisk(32769), "CD001"+string(make([]byte, 1<<20))...)
	backed := v2(func(h *v2Fields) { h.BackingFileOffset, h.BackingFileSize = 512, 12 })
	copy(backed[512:], "/etc/\x1bshadow")

	for name, c := range map[string]struct {
		data        []byte
		unsupported bool   // an image, but not one that can be used
		says        string // what the user must be told
	}{
		"empty": {nil, false, "empty"},
		"HTML":  {[]byte("\n<!DOCTYPE html><html><body>Please log in</body></html>"), false, "HTML"},
		"LFS pointer": {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), false,
			"git lfs pull"},
		"text":            {[]byte(strings.Repeat("not found\n", 512)), false, `not found\n`},
		"blank":           {make([]byte, 1<<20), false, "neither a partition table"},
		"half a sector":   {imagetest.RawDisk(1000), false, "1000 bytes"},
		"noise":           {bytes.Repeat([]byte{0xde, 0xad, 0x00, 0x0f}, 1024), false, "dead000fdead000f"},
		"hybrid ISO":      {hybridISO, true, "installation CD"},
		"zip":             {marked(0, "PK\x03\x04"), true, "zip"},
		"OVA":             {marked(257, "ustar\x0000"), true, "OVA"},
		"VMDK":            {marked(0, "KDMV\x01"), true, "qemu-img convert"},
		"VMDK descriptor": {[]byte("# Disk DescriptorFile\nversion=1\n"), true, "qemu-img convert"},
		"VDI":             {marked(64, "\x7f\x10\xda\xbe"), true, "VDI"},
		"VHDX":            {marked(0, "vhdxfile"), true, "VHDX"},
		"fixed VHD":       {fixedVHD, true, "VHD"},
		"LUKS":            {marked(0, "LUKS\xba\xbe"), true, "encrypted"},

		"qcow version 1":        {v2(func(h *v2Fields) { h.Version = 1 }), true, "version 1"},
		"backing file":          {backed, true, `"/etc/\x1bshadow"`},
		"backing file far away": {v2(standing(1<<63, 9)), true, "backing"},
		"backing name too long": {v2(standing(512, 1<<32-1)), true, "backing"},
		"external data": {v3(func(x *v3Fields) { x.IncompatibleFeatures = 1 << 2 }), true,
			"another file"},
		"AES":         {v2(func(h *v2Fields) { h.CryptMethod = qcow2.CryptMethodAES }), true, "aes"},
		"LUKS inside": {v2(func(h *v2Fields) { h.CryptMethod = qcow2.CryptMethodLUKS }), true, "luks"},
		"unknown feature": {v3(func(x *v3Fields) { x.IncompatibleFeatures = 1 << 40 }), true,
			"0x10000000000"},
		"in use":                       {v3(func(x *v3Fields) { x.IncompatibleFeatures = 1 }), false, "in use"},
		"corrupt":                      {v3(func(x *v3Fields) { x.IncompatibleFeatures = 1 << 1 }), false, "corrupt"},
		"magic alone":                  {[]byte(qcow2.Magic), false, "cut off"},
		"header of version 2 cut":      {imagetest.Qcow2(nil)[:71], false, "cut off"},
		"header of version 3 cut":      {imagetest.Qcow2(nil)[:103], false, "cut off"},
		"short header":                 {v3(func(x *v3Fields) { x.HeaderLength = 96 }), false, "96"},
		"header over a cluster":        {v3(func(x *v3Fields) { x.HeaderLength = 1 << 17 }), false, "cluster"},
		"refcount order":               {v3(func(x *v3Fields) { x.RefcountOrder = 7 }), false, "refcount order 7"},
		"tiny clusters":                {v2(func(h *v2Fields) { h.ClusterBits = 8 }), false, "2^8"},
		"huge clusters":                {v2(func(h *v2Fields) { h.ClusterBits = 22 }), false, "2^22"},
		"absurd clusters":              {v2(func(h *v2Fields) { h.ClusterBits = 1<<32 - 1 }), false, "2^4294967295"},
		"no disk":                      {v2(func(h *v2Fields) { h.Size = 0 }), false, "no size"},
		"endless disk":                 {v2(func(h *v2Fields) { h.Size = image.MaxDisk + 1 }), true, "2 PiB"},
		"L1 too short":                 {v2(func(h *v2Fields) { h.L1Size = 1 }), false, "needs 2"},
		"L1 too short for extended L2": {v3(func(x *v3Fields) { x.IncompatibleFeatures = 1 << 4 }), false, "needs 4"},
		"L1 to fill the memory":        {v2(func(h *v2Fields) { h.L1Size = 1<<32 - 1 }), false, "4294967295 entries"},
		"L1 beyond the end":            {v2(func(h *v2Fields) { h.L1Size = 3 }), false, "cut off"},
		"L1 far away": {v2(func(h *v2Fields) { h.L1TableOffset = 1<<64 - 1<<16 }), false,
			"L1 table begins"},
		"L1 in the header": {v2(func(h *v2Fields) { h.L1TableOffset = 0 }), false, "L1 table begins"},
		"L1 astray":        {v2(func(h *v2Fields) { h.L1TableOffset++ }), false, "L1 table begins"},
		"refcounts beyond": {v2(func(h *v2Fields) { h.RefcountTableOffset = 1 << 30 }), false, "cut off"},
		"no refcounts":     {v2(func(h *v2Fields) { h.RefcountTableClusters = 0 }), false, "0 clusters"},
		"refcounts to fill the memory": {v2(func(h *v2Fields) { h.RefcountTableClusters = 1<<32 - 1 }), false,
			"clusters"},
		"qcow2 cut before its L1": {imagetest.Qcow2(nil)[:1<<17], false, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			format, _, err := probed(c.data)
			if err == nil {
				t.Fatalf("it is taken for %s", format)
			}
			if c.unsupported {
				imagetest.WantError[*image.UnsupportedImageError](t, err)
			} else {
				imagetest.WantError[*image.NotAnImageError](t, err)
			}
			imagetest.WantBlamed(t, err, "path")
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error does not say %q: %v", c.says, err)
			}
		})
	}
}

// qemu-img writes the images that users have.
func TestImagesMadeByQemu(t *testing.T) {
	needs.Installed(t, "qemu-img")
	dir := t.TempDir()
	qemuImg := func(t *testing.T, arguments ...string) {
		t.Helper()
		for {
			command := exec.CommandContext(t.Context(), "qemu-img", arguments...)
			command.Dir = dir
			out, err := command.CombinedOutput()
			if err == nil {
				return
			}
			// To encrypt, qemu-img measures how fast keys are derived, and gives up if others keep it from
			// the processor.
			if !bytes.Contains(out, []byte("Unable to get accurate CPU usage")) {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "raw"), imagetest.RawDisk(8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, options := range []string{
		"compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M", "extended_l2=on", "compression_type=zstd",
		"preallocation=metadata", "refcount_bits=64", "lazy_refcounts=on",
	} {
		t.Run(options, func(t *testing.T) {
			qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", "-o", options, "raw", "image")
			format, virtual, err := probed(imagetest.ReadFile(t, filepath.Join(dir, "image")))
			if err != nil || format != image.FormatQcow2 || virtual != 8<<20 {
				t.Errorf("it is taken for %s of %d bytes, %v", format, virtual, err)
			}
		})
	}
	t.Run("snapshot, grown and shrunk", func(t *testing.T) {
		qemuImg(t, "create", "-f", "qcow2", "image", "1G")
		qemuImg(t, "resize", "image", "90G")
		qemuImg(t, "resize", "--shrink", "image", "100M")
		qemuImg(t, "snapshot", "-c", "one", "image")
		if _, virtual, err := probed(imagetest.ReadFile(t, filepath.Join(dir, "image"))); err != nil ||
			virtual != 100<<20 {
			t.Errorf("it is taken for %d bytes, %v", virtual, err)
		}
	})
	for format, arguments := range map[string][]string{
		"overlay":   {"-f", "qcow2", "-b", "raw", "-F", "raw"},
		"data file": {"-f", "qcow2", "-o", "data_file=data"},
		"luks":      {"-f", "luks", "--object", "secret,id=s,data=x", "-o", "key-secret=s,iter-time=10"},
		"vmdk":      {"-f", "vmdk"},
		"vdi":       {"-f", "vdi"},
		"vhdx":      {"-f", "vhdx"},
		"vpc":       {"-f", "vpc"},
		"qed":       {"-f", "qed"},
		"parallels": {"-f", "parallels"},
		"qcow":      {"-f", "qcow"},
	} {
		t.Run(format, func(t *testing.T) {
			qemuImg(t, slices.Concat([]string{"create"}, arguments, []string{"other", "8M"})...)
			format, _, err := probed(imagetest.ReadFile(t, filepath.Join(dir, "other")))
			if err == nil {
				t.Fatalf("it is taken for %s", format)
			}
			imagetest.WantError[*image.UnsupportedImageError](t, err)
		})
	}
}

func FuzzProbe(f *testing.F) {
	f.Add(imagetest.Qcow2(nil)[:200], int64(196624))
	f.Add(v2(func(h *v2Fields) { h.BackingFileOffset, h.BackingFileSize = 112, 9 })[:200], int64(-1))
	f.Add(imagetest.RawDisk(1024), int64(1024))
	f.Add([]byte("<html>"), int64(6))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		size = max(size, -1)
		if size >= 0 { // a file has at least the bytes that were read from it
			size = max(size, int64(len(data)))
		}
		format, virtual, err := Image(image.Origin{Name: "f", Attribute: "path"}, bytes.NewReader(data), size)
		if err != nil {
			if _, ok := errors.AsType[imagetest.Attributed](err); !ok {
				t.Fatalf("an error that blames nothing: %v", err)
			}
			return
		}
		switch format {
		case image.FormatQcow2:
			if virtual <= 0 || virtual > image.MaxDisk || !bytes.HasPrefix(data, []byte(qcow2.Magic)) {
				t.Fatalf("accepted a qcow2 image of %d bytes", virtual)
			}
		case image.FormatRaw:
			if virtual != size || size >= 0 && (size < image.SectorSize || size%image.SectorSize != 0) {
				t.Fatalf("accepted a raw disk of %d bytes in a file of %d", virtual, size)
			}
		default:
			t.Fatalf("accepted as %q", format)
		}
	})
}
