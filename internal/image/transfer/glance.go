package transfer

import (
	"context"
	"os"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// Seen is what was seen of an image file: what tells without reading it that it has changed, and its digest by then.
type Seen struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size_bytes"`
	Modified time.Time `json:"modified"`
	// Changed and Inode tell also of a file that was written to and given its size and time back, and of one that was put in
	// another one's place. They are zero where the system does not tell.
	Changed time.Time `json:"changed,omitzero"`
	Inode   uint64    `json:"inode,omitempty"`
	Digest  string    `json:"digest"` // "sha256:HEX" of the image, decompressed
}

// same tells whether two looks are at the same file, which nobody has written to in between.
func (s Seen) same(t Seen) bool {
	return s.Path == t.Path && s.Size == t.Size && s.Modified.Equal(t.Modified) && s.Changed.Equal(t.Changed) && s.Inode == t.Inode
}

// Glance looks at a file without reading it: the digest is left out.
func Glance(path string) (Seen, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Seen{}, err
	}
	return glanced(path, info), nil
}

func glanced(path string, info os.FileInfo) Seen {
	s := Seen{Path: path, Size: info.Size(), Modified: info.ModTime().UTC()}
	s.Changed, s.Inode = changed(info)
	return s
}

// Look is Glance with the digest of the image, or of the file where it is none. The file, which may hold anything, is read only where it is another one than before, or
// was written to since.
func Look(ctx context.Context, path string, before Seen) (Seen, error) {
	now, err := Glance(path)
	if err != nil {
		return Seen{}, err
	}
	if before.Digest != "" && now.same(before) {
		return before, nil
	}
	o := image.Origin{Name: path, Attribute: "path"}
	file, err := openLocal(o, path)
	if err != nil {
		return Seen{}, err
	}
	if im, err := FromFile(ctx, o, image.Checksum{}, file); err == nil {
		defer im.Close()
		if seen, err := im.Look(ctx); err == nil || ctx.Err() != nil {
			return seen, err
		}
	}
	// It is no image that could be used. What it is instead, its digest tells.
	if file, err = openLocal(o, path); err != nil {
		return Seen{}, err
	}
	defer file.Close()
	seen := file.Stamp()
	seen.Digest, err = DigestFile(ctx, file)
	return seen, err
}
