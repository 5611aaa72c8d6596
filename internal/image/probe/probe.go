// Package probe determines by content, never by name, whether a file is a disk image, and of which
// format. It refuses other files by name.
package probe

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
)

// HeadSize is how much of a file's beginning is examined, in bytes: the farthest mark is that of
// btrfs, at 65,600.
const HeadSize = 128 << 10

// mark is a sequence of bytes that identifies a format.
type mark struct {
	offset int
	bytes  string
}

func (m mark) in(head []byte) bool {
	return len(head) >= m.offset+len(m.bytes) && string(head[m.offset:m.offset+len(m.bytes)]) == m.bytes
}

const (
	adviceConvert    = "Convert it with qemu-img convert -O qcow2 IMAGE NEW.qcow2."
	adviceTwice      = "Compress it once."
	adviceDecompress = "Decompress it first, or use gzip, xz, zstd or bzip2."
	adviceUnpack     = "Unpack it, and use the disk image inside."
	adviceDownloaded = "Open it: a login or error page is often saved instead of a download."
)

// foreign are the formats that are known, and refused by name; a compressed one is found here if
// the file was compressed twice. The numbers are those of QEMU (block/*.c) and of file(1).
var foreign = []struct {
	mark
	reason, advice string
}{
	{mark{0, "KDMV"}, "it is a VMware VMDK image", adviceConvert},
	{mark{0, "COWD"}, "it is a VMware VMDK image", adviceConvert},
	{mark{0, "# Disk DescriptorFile"}, "it is the descriptor of a VMware VMDK image", adviceConvert},
	{mark{64, "\x7f\x10\xda\xbe"}, "it is a VirtualBox VDI image", adviceConvert},
	{mark{0, "vhdxfile"}, "it is a Hyper-V VHDX image", adviceConvert},
	{mark{0, "conectix"}, "it is a Hyper-V VHD image", adviceConvert},
	{mark{0, "QED\x00"}, "it is a QED image", adviceConvert},
	{mark{0, "WithoutFreeSpace"}, "it is a Parallels image", adviceConvert},
	{mark{0, "WithouFreSpacExt"}, "it is a Parallels image", adviceConvert},
	{mark{0, "LUKS\xba\xbe"}, "it is encrypted (LUKS)", "Use an image without encryption: a template cannot " +
		"carry a key."},
	{mark{0, "\x1f\x8b"}, "it is compressed with gzip", adviceTwice},
	{mark{0, "\xfd7zXZ\x00"}, "it is compressed with xz", adviceTwice},
	{mark{0, "\x28\xb5\x2f\xfd"}, "it is compressed with zstd", adviceTwice},
	{mark{0, "BZh"}, "it is compressed with bzip2", adviceTwice},
	{mark{0, "\x04\x22\x4d\x18"}, "it is compressed with lz4", adviceDecompress},
	{mark{0, "PK\x03\x04"}, "it is a zip archive", adviceUnpack},
	{mark{0, "7z\xbc\xaf\x27\x1c"}, "it is a 7-Zip archive", adviceUnpack},
}

// disks are the marks of a disk without a format around it that has a partition table, or is
// bootable.
var disks = []mark{
	{510, "\x55\xaa"},  // boot sector: MBR, the protective MBR of a GPT, FAT, NTFS
	{512, "EFI PART"},  // GPT on 512-byte sectors
	{4096, "EFI PART"}, // GPT on 4096-byte sectors
}

// fileSystems are the marks of disks that are a file system.
var fileSystems = []mark{
	{1080, "\x53\xef"},  // ext2, ext3, ext4
	{0, "XFSB"},         // XFS
	{65600, "_BHRfS_M"}, // btrfs
}

// Image determines format and virtual size, in bytes, and reads no more than the head and the last
// sector. A size of -1 means that the length is not known yet.
//
// Errors: *image.SourceError when the bytes cannot be read, *image.NotAnImageError when they are
// not a disk image, *image.UnsupportedImageError when they are an image that cannot be used.
func Image(o image.Origin, r io.ReaderAt, size int64) (image.Format, int64, error) {
	head := make([]byte, HeadSize)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, o.Unread(err)
	}
	head = head[:n]
	if n == 0 {
		return "", 0, o.NotImage("Download or export the image again.", "it is empty")
	}
	if (mark{0, qcow2.Magic}).in(head) {
		virtual, err := qcow2.CheckHeader(o, r, size)
		return image.FormatQcow2, virtual, err
	}
	if err := Foreign(o, head); err != nil {
		return "", 0, err
	}
	return image.FormatRaw, size, plausibleDisk(o, r, head, size)
}

// Foreign refuses a file that begins with head if it is known as something that is no disk image, by
// the name of what it is. It returns nil for all others. Errors are *image.NotAnImageError and
// *image.UnsupportedImageError.
func Foreign(o image.Origin, head []byte) error {
	for _, f := range foreign {
		if f.in(head) {
			return o.Unsupported(f.advice, "%s", f.reason)
		}
	}
	if tarMagic.in(head) || IsTar(head) {
		return o.OfContainer("a tar archive, as root file systems and images of containers are",
			" Unpack an OVA appliance, and use the disk image inside.")
	}
	if isCD(head) {
		return o.Unsupported("Install a guest from it, and use that guest's disk; or use the "+
			"distribution's cloud image.",
			"it is an ISO 9660 image: an installation CD is not a disk image")
	}
	return notText(o, head)
}

// tarMagic is what tar archives have since POSIX.1-1988; those of Unix version 7 have nothing there.
var tarMagic = mark{257, "ustar"}

// IsTar reports whether a file begins with a header of a tar archive, of any age, whose checksum is right.
// An archive without entries is none: nothing but zeros could be anything.
func IsTar(head []byte) bool {
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return err == nil || errors.Is(err, io.ErrUnexpectedEOF) && tarMagic.in(head)
}

func notText(o image.Origin, head []byte) error {
	if bytes.HasPrefix(head, []byte("version https://git-lfs.github.com/spec/")) {
		return o.NotImage("Fetch the image itself with git lfs pull.",
			"it is a Git LFS pointer, not the file it stands for")
	}
	switch kind, _, _ := strings.Cut(http.DetectContentType(head), ";"); {
	case kind == "text/html":
		return o.NotImage(adviceDownloaded, "it is an HTML page")
	case strings.HasPrefix(kind, "text/"):
		begins := image.Quote(string(head[:min(len(head), 40)]))
		return o.NotImage(adviceDownloaded, "it is a text that begins with %s", begins)
	}
	return nil
}

func plausibleDisk(o image.Origin, r io.ReaderAt, head []byte, size int64) error {
	if size > image.MaxDisk {
		return o.TooLarge(uint64(size))
	}
	if size >= 0 && size%image.SectorSize != 0 {
		return o.NotImage("Download or export the image again, or convert it with qemu-img convert -O qcow2.",
			"its %d bytes are not whole sectors of %d bytes, and it is not a qcow2 image", size, image.SectorSize)
	}
	// A fixed VHD is a raw disk with a footer, which a guest would see as a sector that moves when the
	// disk grows. The tail of a download is not here yet; then the footer stays, as it does in QEMU
	// when told that the disk is raw.
	footer := make([]byte, 8)
	if size >= image.SectorSize {
		if _, err := r.ReadAt(footer, size-image.SectorSize); err != nil && !errors.Is(err, io.EOF) {
			return o.Unread(err)
		}
	}
	if string(footer) == "conectix" {
		return o.Unsupported("Convert it with qemu-img convert -f vpc -O qcow2 IMAGE NEW.qcow2.",
			"it is a Hyper-V VHD image")
	}
	for _, m := range slices.Concat(disks, fileSystems) {
		if m.in(head) {
			return nil
		}
	}
	return o.NotImage("Use a qcow2 image or a raw disk.", "it is not a qcow2 image, and it has neither a "+
		"partition table nor a file system (it begins with the bytes %x)", head[:min(len(head), 8)])
}
