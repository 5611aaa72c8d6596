package ext4

import (
	"archive/tar"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Options are what a base is made with, besides its entries.
type Options struct {
	Origin image.Origin // names the source in errors
	Label  string       // at most MaxLabel bytes
	Seed   string       // the UUID is derived from it: see UUID
	// Directories are names in the root that are added as empty directories if no entry makes them.
	Directories []string
	MaxEntries  int   // files, directories and others, implied parents included; 0: DefaultMaxEntries
	MaxBytes    int64 // of the files' contents, holes included; 0: DefaultMaxBytes
}

// The limits of a base. What is kept of an entry is a few hundred bytes, so the first of them also
// limits memory.
const (
	DefaultMaxEntries = 1 << 20
	DefaultMaxBytes   = 1 << 40
)

// ContainerDirectories are the directories that a root needs which libvirt mounts read-only for a
// container, and the one where the container's own files are bound.
func ContainerDirectories() []string { return []string{".nova", ".oldroot", "dev", "proc", "sys"} }

func (o Options) maxEntries() int {
	if o.MaxEntries > 0 {
		return o.MaxEntries
	}
	return DefaultMaxEntries
}

func (o Options) maxBytes() int64 {
	if o.MaxBytes > 0 {
		return o.MaxBytes
	}
	return DefaultMaxBytes
}

// Entries returns the next entry of a root file system and its content, which is read before the
// next call; the error is io.EOF after the last one. Each path comes once, except that a directory
// may come again with other metadata. A hard link comes after what it links to. Parents that are
// missing are made, with the mode 0755, and owned by root.
type Entries func() (*tar.Header, io.Reader, error)

// FromTar returns the entries of a tar.
func FromTar(r *tar.Reader) Entries {
	return func() (*tar.Header, io.Reader, error) {
		header, err := r.Next()
		return header, r, err
	}
}
