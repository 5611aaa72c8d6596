// Package archive reads the layers of container images, which are tar archives that anyone can make.
// It decompresses and verifies them while they are read, checks each entry, and refuses what must not
// be in a root file system. It keeps nothing of what it has read.
package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Reader reads the entries of one layer, in their order. It is not safe for concurrent use.
type Reader struct {
	origin  image.Origin
	layer   string
	devices Devices
	budget  *Budget
	content *content
	in      *failing
	tar     *tar.Reader
	number  int // of the next entry
}

// Options say how layers are read.
type Options struct {
	Origin  image.Origin // named and blamed in errors
	Devices Devices
}

// Read opens a layer for reading. Its bytes are taken from the budget. Reading ends with ctx. Errors
// are those of Layer.Open, and *RefusedError.
func (l Layer) Read(ctx context.Context, o Options, budget *Budget) (*Reader, error) {
	c, err := l.open(ctx, o.Origin, budget)
	if err != nil {
		return nil, err
	}
	in := &failing{r: c}
	return &Reader{
		origin:  o.Origin,
		layer:   l.Name,
		devices: o.Devices,
		budget:  budget,
		content: c,
		in:      in,
		tar:     tar.NewReader(in),
	}, nil
}

// failing keeps the error with which reading ended.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !image.Ended(err) {
		f.err = err
	}
	return n, err
}

// Close releases the layer.
func (r *Reader) Close() error { return r.content.Close() }

// Next returns the next entry, with its content in Read. It returns io.EOF after the last one, once
// the whole layer is verified. Other errors are *RefusedError, and those of the layer's content.
func (r *Reader) Next() (*Entry, error) {
	for {
		h, err := r.tar.Next()
		if image.Ended(err) {
			if err := r.Drain(); err != nil { // what follows the archive's end belongs to the layer
				return nil, err
			}
			return nil, io.EOF
		}
		if err != nil {
			return nil, r.failed(err)
		}
		number := r.number
		if r.number++; number == math.MaxInt32 || !r.budget.Entry() {
			return nil, r.budget.TooMany(r.origin, r.layer)
		}
		e, refused := read(h, r.devices)
		if refused != nil {
			refused.Origin, refused.Layer, refused.Entry = r.origin, r.layer, h.Name
			return nil, refused
		}
		if e == nil { // it says nothing about the root
			continue
		}
		if e.Size > r.budget.limits.Bytes {
			return nil, r.budget.tooLong(r.origin, r.layer)
		}
		e.Number = number
		return e, nil
	}
}

// Drain reads the rest of the layer, so that it is verified, without looking at its entries. Errors are
// those of Next.
func (r *Reader) Drain() error {
	_, err := io.Copy(io.Discard, r.in)
	return err
}

// Read reads the content of the entry that Next has returned.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.tar.Read(p)
	if err != nil && !image.Ended(err) {
		err = r.failed(err)
	}
	return n, err
}

// Refuse creates a *RefusedError about an entry.
func (r *Reader) Refuse(e *Entry, advice, reason string, args ...any) error {
	return &RefusedError{Origin: r.origin, Layer: r.layer, Entry: e.Path, Reason: fmt.Sprintf(reason, args...),
		Advice: advice}
}

// failed distinguishes an archive that was not read from one that is damaged.
func (r *Reader) failed(err error) error {
	const again = "Export or download it again; tar tf tells whether it is whole."
	switch {
	case r.in.err != nil:
		return r.in.err
	case r.number == 0 && errors.Is(err, tar.ErrHeader):
		return Refuse(r.origin, r.layer, again, "it is not a tar archive")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Refuse(r.origin, r.layer, again, "it is cut off: the tar archive ends within an entry")
	}
	return Refuse(r.origin, r.layer, again, "its tar archive is damaged after %d entries (%v)", r.number, err)
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// oddInXattr reports characters that names of attributes do not have; PAX records end a name with =.
func oddInXattr(c rune) bool { return c <= ' ' || c == 0x7f || c == '=' }

func refuse(advice, reason string, args ...any) *RefusedError {
	return &RefusedError{Reason: fmt.Sprintf(reason, args...), Advice: advice}
}

// read reads an entry from its header. It returns nil for an entry that says nothing about the root.
func read(h *tar.Header, devices Devices) (*Entry, *RefusedError) {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil, nil
	}
	e := &Entry{}
	var refused *RefusedError
	if e.Path, refused = cleanPath(h.Name); refused != nil {
		return nil, refused
	}
	if whited, refused := whiteout(e); whited || refused != nil {
		if e.Kind != Whiteout && e.Kind != Opaque {
			e = nil
		}
		return e, refused
	}
	if refused := e.readMeta(h); refused != nil {
		return nil, refused
	}
	if refused := e.readKind(h, devices); refused != nil {
		return nil, refused
	}
	if e.Path == "" && e.Kind != Directory {
		return nil, refuse("", "it is the root, and no directory")
	}
	return e, nil
}

const (
	adviceRemake    = "Make the archive again from a directory: tar -C ROOT -cf root.tar ."
	adviceUntrusted = "Do not use images from this source: tools that make images write nothing like it."
)

// cleanPath checks a name in an archive, and returns it relative to the root.
func cleanPath(name string) (string, *RefusedError) {
	switch {
	case name == "":
		return "", refuse(adviceRemake, "it has no name")
	case strings.ContainsFunc(name, isControl):
		return "", refuse("Rename the file.", "its name has control characters")
	}
	name, absolute := strings.CutPrefix(name, "/")
	if first, _, more := strings.Cut(name, "/"); absolute && more && (first == "" || first == ".") {
		return "", refuse(adviceUntrusted, "its path is absolute in an unusual way")
	}
	parts := make([]string, 0, 16)
	length := 0
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			return "", refuse(adviceUntrusted, "its path leads out of a directory with \"..\"")
		case len(part) > maxName:
			return "", refuse("Rename the file.", "its name has %d bytes, and Linux allows %d", len(part), maxName)
		}
		if length += len(part) + 1; length > maxPath {
			return "", refuse("Move the file.", "its path has more than the %d bytes that Linux allows", maxPath)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/"), nil
}

// The marks of removed files (OCI image specification, layer.md). Names that begin with metaMark are
// notes of AUFS, and not part of the image.
const (
	whiteoutMark = ".wh."
	metaMark     = ".wh..wh."
	opaqueMark   = ".wh..wh..opq"
)

// whiteout reports whether an entry is one of these marks, and makes it a Whiteout or Opaque. A note
// of AUFS becomes neither.
func whiteout(e *Entry) (bool, *RefusedError) {
	if !strings.Contains(e.Path, whiteoutMark) {
		return false, nil
	}
	directory, base := "", e.Path
	if slash := strings.LastIndexByte(e.Path, '/'); slash >= 0 {
		directory, base = e.Path[:slash], e.Path[slash+1:]
	}
	for part := range strings.SplitSeq(directory, "/") {
		if strings.HasPrefix(part, metaMark) {
			return true, nil
		}
		if strings.HasPrefix(part, whiteoutMark) {
			return true, refuse(adviceUntrusted, "it is in a directory that is the mark of a removed file")
		}
	}
	removed, is := strings.CutPrefix(base, whiteoutMark)
	switch {
	case !is:
		return false, nil
	case base == opaqueMark:
		e.Path, e.Kind = directory, Opaque
	case strings.HasPrefix(base, metaMark):
		return true, nil
	case removed == "" || removed == "." || removed == "..":
		return true, refuse(adviceUntrusted, "it marks as removed what is not a file's name")
	default:
		e.Path, e.Kind = strings.TrimPrefix(directory+"/"+removed, "/"), Whiteout
	}
	return true, nil
}

// readKind reads what the entry stands for.
func (e *Entry) readKind(h *tar.Header, devices Devices) *RefusedError {
	switch h.Typeflag {
	case tar.TypeReg:
		for record := range h.PAXRecords {
			if strings.HasPrefix(record, "GNU.sparse.") {
				return refuse(adviceSparse, "it is a sparse file")
			}
		}
		e.Kind, e.Size = File, h.Size
	case tar.TypeGNUSparse:
		return refuse(adviceSparse, "it is a sparse file")
	case tar.TypeDir:
		e.Kind = Directory
	case tar.TypeFifo:
		e.Kind = FIFO
	case tar.TypeSymlink:
		e.Kind, e.Link = Symlink, h.Linkname
		return checkTarget(h.Linkname)
	case tar.TypeLink:
		e.Kind = HardLink
		var refused *RefusedError
		if e.Link, refused = cleanPath(h.Linkname); refused != nil || e.Link == "" {
			return refuse(adviceUntrusted, "it is a hard link to %s, which is no file of the image", quote(h.Linkname))
		}
	case tar.TypeChar, tar.TypeBlock:
		return e.readDevice(h, devices)
	default:
		return refuse(adviceRemake, "its type %s is unknown", quote(string(rune(h.Typeflag))))
	}
	return nil
}

const adviceSparse = "Make the archive again without --sparse."

// checkTarget checks the target of a symlink. Where it leads does not count: nothing follows it.
func checkTarget(target string) *RefusedError {
	switch {
	case target == "":
		return refuse(adviceRemake, "it is a symlink without a target")
	case len(target) > maxPath:
		return refuse(adviceRemake, "the target of the symlink has %d bytes, and Linux allows %d", len(target), maxPath)
	case strings.ContainsFunc(target, isControl):
		return refuse("Rename the target.", "the target of the symlink has control characters")
	}
	return nil
}

// readDevice reads a device node. A character device with the number 0:0 is how overlayfs marks a
// removed file, and stays a mark.
func (e *Entry) readDevice(h *tar.Header, devices Devices) *RefusedError {
	e.Kind = Block
	if h.Typeflag == tar.TypeChar {
		e.Kind = Character
	}
	e.DeviceMajor, e.DeviceMinor = h.Devmajor, h.Devminor
	switch {
	case e.DeviceMajor < 0 || e.DeviceMajor > maxMajor || e.DeviceMinor < 0 || e.DeviceMinor > maxMinor:
		return refuse(adviceRemake, "no device has the number %d:%d", e.DeviceMajor, e.DeviceMinor)
	case e.Kind == Character && e.DeviceMajor == 0 && e.DeviceMinor == 0, devices == NoDevices:
		*e = Entry{Path: e.Path, Kind: Whiteout}
	case e.Kind == Block && devices != AllDevices:
		return refuse("Leave it out: a container has no disks but its own.", "it is a block device")
	}
	return nil
}

// readMeta reads what all kinds have.
func (e *Entry) readMeta(h *tar.Header) *RefusedError {
	if h.Uid < 0 || h.Uid > maxID || h.Gid < 0 || h.Gid > maxID {
		return refuse(adviceRemake, "no user and group have the numbers %d and %d", h.Uid, h.Gid)
	}
	e.Meta = Meta{Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, ModTime: h.ModTime.UTC()}
	if e.ModTime.Before(earliest) || e.ModTime.After(latest) {
		e.ModTime = time.Unix(0, 0).UTC()
	}
	return e.readXattrs(h)
}

// File systems have times from 1901 on, and ext4 until 2446 (the kernel's ext4 documentation, inode
// timestamps).
var earliest, latest = time.Unix(math.MinInt32, 0), time.Unix(1<<34-1<<31-1, 0)

// readXattrs reads the extended attributes. Those of overlayfs are not part of the image: they would
// tell a container's overlayfs to look elsewhere.
func (e *Entry) readXattrs(h *tar.Header) *RefusedError {
	size := 0
	for record, value := range h.PAXRecords {
		name, is := strings.CutPrefix(record, xattrPrefix)
		if !is {
			continue
		}
		own, overlay := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(name, "trusted."), "user."), "overlay.")
		switch {
		case overlay && own == "opaque" && value == "y":
			e.Opaque = true
		case overlay && (own == "redirect" || own == "metacopy"):
			return refuse("Make the archive from the mounted overlay, not from its upper directory.",
				"its attribute %s says that its content is elsewhere", quote(name))
		case overlay:
		case name == "" || len(name) > maxName || strings.ContainsFunc(name, oddInXattr):
			return refuse(adviceUntrusted, "it has an attribute with the name %s", quote(name))
		default:
			if size += len(name) + len(value); size > maxXattrs {
				return refuse(adviceUntrusted, "its attributes have more than %d KiB", maxXattrs>>10)
			}
			if e.Xattrs == nil {
				e.Xattrs = map[string]string{}
			}
			e.Xattrs[name] = strings.Clone(value)
		}
	}
	return nil
}
