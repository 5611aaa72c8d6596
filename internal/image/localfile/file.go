// Package localfile reads files of this machine that hold images: it finds where they have data and
// whether they have changed, and copies them.
package localfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// ErrNotRegular is the cause within a SourceError when a path names a directory, a device, a pipe
// or a socket.
var ErrNotRegular = errors.New("it is not a regular file")

// File is a regular file of this machine. It must not change while it is read.
type File struct {
	*os.File
	origin image.Origin
	path   string
	opened fs.FileInfo // as it was when it was opened
}

// Open opens a file with any content. Errors are *SourceError, also for ErrNotRegular.
func Open(o image.Origin, path string) (*File, error) {
	// Before opening: opening a pipe waits for its writer, and opening a device may do anything.
	info, err := os.Stat(path)
	if err != nil {
		return nil, o.Failed("opening", cause(err), adviceOnOpen(path, err))
	}
	if !info.Mode().IsRegular() {
		return nil, o.Failed("opening", fmt.Errorf("%w: it is %s", ErrNotRegular, kindOf(info.Mode())),
			"Use the path of an image file; first copy a disk or volume into one with qemu-img convert.")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, o.Failed("opening", cause(err), adviceOnOpen(path, err))
	}
	if info, err = file.Stat(); err != nil {
		return nil, errors.Join(o.Unread(err), file.Close())
	}
	return &File{file, o, path, info}, nil
}

// Origin is the name of the file in messages.
func (f *File) Origin() image.Origin { return f.origin }

// Size is how many bytes the file had when it was opened.
func (f *File) Size() int64 { return f.opened.Size() }

// Section reads the file from its beginning to where it ended when it was opened.
func (f *File) Section() *io.SectionReader { return io.NewSectionReader(f, 0, f.Size()) }

// Stamp is how the file looked when it was opened.
func (f *File) Stamp() Stamp { return stampFrom(f.path, f.opened) }

// Unchanged returns ErrChanged, wrapped, once the file may no longer be what was opened. A possible
// change is enough: the file is hashed, sent and compared by separate readings, so an equal digest
// afterwards proves nothing about what was sent before.
func (f *File) Unchanged() error {
	now, err := f.Stat()
	if err != nil {
		return f.origin.Unread(err)
	}
	before, after := f.Stamp(), stampFrom(f.path, now)
	if after.Same(before) {
		return nil
	}
	advice := "Shut down the guest or wait for the download that writes to it, then apply again."
	if after.Changed = before.Changed; after.Same(before) {
		advice = "Its size and modification time are unchanged. Either its mode, owner or links changed, as a " +
			"backup does, or a program wrote to it and restored the time: apply again once that is done."
	}
	return f.origin.Failed("reading", image.ErrChanged, advice)
}

// cause removes what an fs.PathError repeats: the SourceError around it has message and path
// already.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

func adviceOnOpen(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "Let the user who runs Terraform read the file and enter the directories above it."
	case errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(path):
		if full, absErr := filepath.Abs(path); absErr == nil {
			return fmt.Sprintf("It was expected at %s. Begin the path with ${path.module} if the file belongs to the "+
				"module.", full)
		}
		return "Begin the path with ${path.module} if the file belongs to the module."
	case errors.Is(err, fs.ErrNotExist):
		return "Check the path: the file must be on the machine that runs Terraform."
	default:
		return ""
	}
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}
