package oci

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/compression"
	"github.com/novacron/terraform-provider-novacron/internal/image/probe"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// Content is what a file holds, by its first bytes.
type Content struct {
	Compression string // gzip, xz, zstd, bzip2; "" for none
	// Ext4 is set for an ext4 file system, and not for a tar archive. It is sent as a raw disk is, by
	// package transfer.
	Ext4 bool
	// Root is set for a tar archive that begins as a root file system does, and as no image.
	Root bool
}

// rootNames are what root file systems have (hier(7)), and a file that Docker adds.
var rootNames = []string{
	".dockerenv", "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt", "proc",
	"root", "run", "sbin", "srv", "sys", "tmp", "usr", "var",
}

// isRoot reports whether a root file system has an entry of that name in its archive.
func isRoot(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return slices.Contains(rootNames, top)
}

// maxHead is how many bytes of a file are read to recognise it: a block of bzip2 has up to 900 kB.
const maxHead = 2 << 20

// Recognise determines what a container could be made of: a tar archive or an ext4 file system, also
// if it is compressed once. It reads from the beginning of the file, and returns what it has read.
//
// Errors: *archive.RefusedError for everything else, and those of r.
func Recognise(o image.Origin, r io.Reader) (c Content, read []byte, err error) {
	var taken bytes.Buffer
	in := &tapped{r: io.TeeReader(io.LimitReader(r, maxHead), &taken)}
	head, err := headOf(in)
	if err != nil {
		return c, nil, unread(o, err)
	}
	method := compression.Of(head)
	if method != nil {
		c.Compression = method.Name
		head, err = inflated(o, method, io.MultiReader(bytes.NewReader(head), in))
		switch {
		case in.err != nil:
			return c, nil, unread(o, in.err)
		case err != nil:
			return c, nil, archive.Refused("", err)
		}
	}
	if c.Ext4, err = recognise(o, c.Compression, head); err != nil {
		return c, nil, err
	}
	if !c.Ext4 {
		c.Root = isRoot(firstName(head))
	}
	return c, taken.Bytes(), nil
}

// tapped keeps the error of a reader.
type tapped struct {
	r   io.Reader
	err error
}

func (t *tapped) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if err != nil && !image.Ended(err) {
		t.err = err
	}
	return n, err
}

// inflated decompresses the beginning of a file. That its end is not there is no error.
func inflated(o image.Origin, method *compression.Method, r io.Reader) ([]byte, error) {
	u, err := method.Open(o, r)
	if err != nil {
		return nil, err
	}
	defer u.Close()
	head := make([]byte, probe.HeadSize)
	n, err := io.ReadFull(u, head)
	if n > 0 || image.Ended(err) {
		err = nil
	}
	return head[:n], err
}

func headOf(r io.Reader) ([]byte, error) {
	head := make([]byte, probe.HeadSize)
	n, err := io.ReadFull(r, head)
	if image.Ended(err) || err == io.ErrUnexpectedEOF { // compared with ==: a reader that fails returns its own error
		err = nil
	}
	return head[:n], err
}

// recognise reports whether a file that is not compressed is an ext4 file system. If it is no tar
// archive either, it is refused.
func recognise(o image.Origin, packed string, head []byte) (ext4 bool, err error) {
	inside := ""
	if packed != "" {
		inside = "it is compressed with " + packed + ", and inside "
	}
	switch {
	case len(head) == 0:
		return false, archive.Refuse(o, "", "Download or export the image again.", "%sit is empty", inside)
	case probe.IsTar(head):
		return false, nil
	case isExt4(head) && needsRecovery(head):
		return false, archive.Refuse(o, "", "Unmount it, or run e2fsck -f on it.", "%sits journal has changes that "+
			"are not in the file system yet, and containers share it read-only", inside)
	case isExt4(head):
		return true, nil
	}
	if again := compression.Of(head); again != nil {
		return false, archive.Refuse(o, "", "Compress it once.", "%sit is compressed with %s", inside, again.Name)
	}
	if format, _, err := probe.Image(o, bytes.NewReader(head), -1); err == nil {
		return false, archive.Refuse(o, "", adviceDisk, "%sit is a %s disk of a machine, and the template is for "+
			"containers", inside, format)
	}
	if known, ok := errors.AsType[*archive.RefusedError](archive.Refused("", probe.Foreign(o, head))); ok {
		known.Reason = inside + known.Reason
		return false, known
	}
	return false, archive.Refuse(o, "", adviceKinds, "%sit is neither a tar archive nor an ext4 file system (it "+
		"begins with the bytes %x)", inside, head[:min(len(head), 8)])
}

const adviceKinds = "Use an OCI layout (a directory, or a tar archive of one), the output of docker save, a root " +
	"file system in a tar archive, or a raw ext4 file system."

const adviceDisk = "Use a template with type = \"vm\" for it. " + adviceKinds

// firstName is the name of the first entry of a tar archive that is not its root, if the head has it.
func firstName(head []byte) string {
	entries := tar.NewReader(bytes.NewReader(head))
	for {
		h, err := entries.Next()
		if err != nil {
			return ""
		}
		if name := path.Clean(h.Name); name != "." && name != "/" {
			return name
		}
	}
}

// isExt4 reports whether a file begins with the superblock of an ext2, ext3 or ext4 file system: it is
// at byte 1024, with its magic number at 0x38 (the kernel's ext4 documentation, super block).
func isExt4(head []byte) bool {
	return len(head) >= 2048 && binary.LittleEndian.Uint16(head[1024+0x38:]) == 0xef53
}

// needsRecovery reports whether an ext4 file system was not unmounted: it is a feature at 0x60 of the
// superblock (INCOMPAT_RECOVER).
func needsRecovery(head []byte) bool {
	const incompatRecover = 0x4
	return binary.LittleEndian.Uint32(head[1024+0x60:])&incompatRecover != 0
}

// Peek is Recognise for a stream that passes only once. Whole is the stream from its first byte on. If
// Peek fails, it ends the stream.
func Peek(o image.Origin, s transfer.Stream) (c Content, whole transfer.Stream, err error) {
	c, read, err := Recognise(o, s.Reader)
	if err != nil {
		if s.Abort != nil {
			s.Abort(err)
		}
		return c, transfer.Stream{}, err
	}
	s.Reader = io.MultiReader(bytes.NewReader(read), s.Reader)
	return c, s, nil
}
