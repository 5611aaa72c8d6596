package oci

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/oci/archive"
)

// files are those of an OCI layout, or of what docker save wrote.
type files interface {
	// open opens a file by its path, and returns its size in bytes. The error is fs.ErrNotExist if there
	// is no such file.
	open(name string) (io.ReadCloser, int64, error)
	Close() error
}

// directory has files in a directory.
type directory struct{ *os.Root }

func (d directory) open(name string) (io.ReadCloser, int64, error) {
	f, err := d.Root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: errors.New("it is not a regular file")}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// tarFiles has files in a tar archive.
type tarFiles struct {
	in      io.ReaderAt
	entries map[string]place
	release func() error
}

// place is where a file of an archive is.
type place struct {
	offset, size int64
	link         string // the path of the file that this one is a link to; "" for none
}

const (
	// maxFiles is how many entries an OCI layout, or what docker save wrote, may have in its archive. If
	// there are more, it is a root file system.
	maxFiles = 20_000
	// maxFileName is how long the names of these files may be, in bytes.
	maxFileName = 300
)

// scan finds the files that an image could consist of in a tar archive of size bytes. It reads the
// headers alone.
func scan(ctx context.Context, o image.Origin, in io.ReaderAt, size int64, release func() error) (*tarFiles, error) {
	a := &tarFiles{in: in, entries: map[string]place{}, release: release}
	section := io.NewSectionReader(in, 0, size)
	headers := tar.NewReader(section)
	for n := 0; ; n++ {
		if err := context.Cause(ctx); err != nil {
			return nil, o.Unread(err)
		}
		h, err := headers.Next()
		if err != nil || n == maxFiles { // reading the root file system finds out what is wrong with it
			if n == maxFiles {
				clear(a.entries)
			}
			return a, nil
		}
		if len(h.Name) > maxFileName || len(h.Linkname) > maxFileName {
			continue
		}
		offset, err := section.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, o.Unread(err)
		}
		name := strings.Clone(path.Clean(h.Name)) // which may be a part of a large record
		switch h.Typeflag {
		case tar.TypeReg:
			if !isSparse(h) {
				a.entries[name] = place{offset: offset, size: h.Size}
			}
		case tar.TypeLink:
			a.entries[name] = place{link: strings.Clone(path.Clean(h.Linkname))}
		case tar.TypeSymlink: // docker save links a layer to the one that it is the same as
			target := path.Join(path.Dir(name), h.Linkname) //nolint:gosec // it is looked up in entries alone
			a.entries[name] = place{link: target}
		}
	}
}

func isSparse(h *tar.Header) bool {
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// has reports whether the archive has a file of its own under a name.
func (a *tarFiles) has(name string) bool {
	found, is := a.entries[name]
	return is && found.link == ""
}

func (a *tarFiles) open(name string) (io.ReadCloser, int64, error) {
	const maxLinks = 10
	at := path.Clean(name)
	for range maxLinks {
		switch found, is := a.entries[at]; {
		case !is:
			return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case found.link != "":
			at = found.link
		default:
			return io.NopCloser(io.NewSectionReader(a.in, found.offset, found.size)), found.size, nil
		}
	}
	return nil, 0, &fs.PathError{Op: "open", Path: name, Err: errors.New("too many links")}
}

// Close implements files.
func (a *tarFiles) Close() error { return a.release() }

// readFile reads a whole file of at most limit bytes.
func readFile(o image.Origin, f files, name string, limit int64) ([]byte, error) {
	r, size, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(o, name)
	}
	if err != nil {
		return nil, o.Unread(err)
	}
	defer r.Close()
	if size > limit {
		return nil, archive.Refuse(o, "", adviceWhole, "its file %s has %d bytes, and at most %d are usual",
			image.Quote(name), size, limit)
	}
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		err = io.ErrUnexpectedEOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, archive.Refuse(o, "", adviceWhole, "it is cut off within its file %s", image.Quote(name))
	}
	if err != nil {
		return nil, o.Unread(err)
	}
	return data, nil
}

const adviceWhole = "Export it again."

func missing(o image.Origin, name string) error {
	return archive.Refuse(o, "", adviceWhole, "it lacks its file %s", image.Quote(name))
}
