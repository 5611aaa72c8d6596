package localfile

import (
	"os"
	"time"
)

// Stamp is what was seen of an image file: what tells without reading it that it has changed, and
// its digest by then.
type Stamp struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size_bytes"`
	Modified time.Time `json:"modified"`
	// Changed and Inode tell also of a file that was written to and given its size and time back, and
	// of one that was put in another one's place. They are zero where the system does not tell.
	Changed time.Time `json:"changed,omitzero"`
	Inode   uint64    `json:"inode,omitempty"`
	Digest  string    `json:"digest"` // "sha256:HEX" of the image, decompressed
}

// Same tells whether two looks are at the same file, which was not written to in between.
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
