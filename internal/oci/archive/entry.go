package archive

import (
	"archive/tar"
	"strings"
	"time"
)

// Kind is what an entry stands for.
type Kind uint8

// The kinds of entries.
const (
	File Kind = iota
	Directory
	Symlink
	HardLink // to a file, a symlink, a device or a FIFO
	Character
	Block
	FIFO
	Whiteout // the path is removed from the layers below
	Opaque   // everything in the directory is removed from the layers below
)

// Devices says which device nodes an image may have.
type Devices uint8

const (
	// CharacterDevices keeps character devices, and refuses block devices: their content is that of
	// the host's disks.
	CharacterDevices Devices = iota
	// NoDevices leaves all device nodes out. A container has those of its own /dev.
	NoDevices
	// AllDevices keeps all device nodes.
	AllDevices
)

// Entry is what one entry of an archive says. Its path and, for a hard link, its target have been
// checked: they are relative to the root, and have no component that is empty, "." or "..".
type Entry struct {
	Number int    // of the entry in its archive, from 0
	Path   string // "" for the root itself
	Kind   Kind
	Link   string // the target of a symlink, as it is; the path of a hard link's target
	Size   int64  // bytes of a file; 0 for others
	Opaque bool   // a directory that hides what layers below have in it
	Meta

	DeviceMajor, DeviceMinor int64 // of Character and Block
}

// Meta is what all kinds of files have.
type Meta struct {
	Mode     int64 // permissions, setuid, setgid and sticky bit: 0 to 07777
	UID, GID int   // numbers; names of users in archives do not count
	ModTime  time.Time
	Xattrs   map[string]string // by full name: "security.capability"; nil for none
}

// types are the tar types of kinds that are written.
var types = map[Kind]byte{
	File: tar.TypeReg, Directory: tar.TypeDir, Symlink: tar.TypeSymlink, HardLink: tar.TypeLink,
	Character: tar.TypeChar, Block: tar.TypeBlock, FIFO: tar.TypeFifo,
}

// xattrPrefix is what star and GNU tar put before the names of extended attributes, in PAX records.
const xattrPrefix = "SCHILY.xattr."

// Header returns a header for the entry, as archive/tar writes it, under its path. The names of
// directories end in a slash; that of the root is "./". Linkname is the entry's Link.
func (e *Entry) Header() *tar.Header {
	h := &tar.Header{
		Format:   tar.FormatPAX,
		Typeflag: types[e.Kind],
		Name:     e.Path,
		Linkname: e.Link,
		Size:     e.Size,
		Mode:     e.Mode,
		Uid:      e.UID,
		Gid:      e.GID,
		ModTime:  e.ModTime,
		Devmajor: e.DeviceMajor,
		Devminor: e.DeviceMinor,
	}
	if e.Kind == Directory {
		h.Name = strings.TrimPrefix(e.Path+"/", "/")
		if e.Path == "" {
			h.Name = "./"
		}
	}
	if len(e.Xattrs) > 0 {
		h.PAXRecords = make(map[string]string, len(e.Xattrs))
		for name, value := range e.Xattrs {
			h.PAXRecords[xattrPrefix+name] = value
		}
	}
	return h
}
