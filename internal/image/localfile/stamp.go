package localfile

import (
	"os"
	"time"
)

// Stamp is the observed state of an image file: what shows without reading it whether it has
// changed, and its digest at that time.
type Stamp struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size_bytes"`
	Modified time.Time `json:"modified"`
	// Changed and Inode also reveal a file that was written to and got its size and time back, and a
	// file that replaced another one. They are zero if the system does not provide them.
	Changed time.Time `json:"changed,omitzero"`
	Inode   uint64    `json:"inode,omitempty"`
	Digest  string    `json:"digest"` // of the image, decompressed
}

// Same reports whether two stamps are of the same file, without a write in between.
func (s Stamp) Same(t Stamp) bool {
	return s.Path == t.Path && s.Size == t.Size && s.Modified.Equal(t.Modified) &&
		s.Changed.Equal(t.Changed) && s.Inode == t.Inode
}

// StampOf looks at a file without reading it: the digest is left out.
func StampOf(path string) (Stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Stamp{}, err
	}
	return stampFrom(path, info), nil
}

func stampFrom(path string, info os.FileInfo) Stamp {
	s := Stamp{Path: path, Size: info.Size(), Modified: info.ModTime().UTC()}
	s.Changed, s.Inode = changed(info)
	return s
}
