package archive

import (
	"archive/tar"
	"fmt"
	"math"
	"strings"
	"time"
)

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
			e.Xattrs[strings.Clone(name)] = strings.Clone(value) // both are parts of all records
		}
	}
	return nil
}
