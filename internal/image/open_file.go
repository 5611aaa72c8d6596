package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

func (im *Image) openPath(ctx context.Context) error {
	if err := im.openFile(); err != nil {
		return err
	}
	head := make([]byte, headSize)
	n, err := im.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return im.origin.Unread(err)
	}
	im.PackedSize = im.Size
	if compressionOf(head[:n]) == nil {
		im.Format, im.VirtualSize, err = probe(im.origin, im.file, im.Size)
		if err == nil {
			im.extents, err = dataExtents(ctx, im.file, im.Size)
		}
		if err == nil && im.Format == FormatQcow2 {
			err = CheckWhole(ctx, im.origin, im.file, im.Size)
		}
		return err
	}
	p, err := im.fromFile()
	if p != nil {
		p.close()
	}
	return err
}

// fromFile starts a reading of a file, whatever it holds.
func (im *Image) fromFile() (*pass, error) {
	return im.begin(io.NewSectionReader(im.file, 0, im.PackedSize), im.PackedSize)
}

// openFile opens the source's file, whatever it holds.
func (im *Image) openFile() error {
	path := im.source.Path
	// Before opening: opening a pipe waits for its writer, and opening a device may do anything.
	info, err := os.Stat(path)
	if err != nil {
		return im.origin.Failed("opening", cause(err), adviceOnOpen(path, err))
	}
	if !info.Mode().IsRegular() {
		return im.origin.Failed("opening", fmt.Errorf("%w: it is %s", ErrNotRegular, kindOf(info.Mode())),
			"Give the path of an image file; a disk or volume is first copied into one with qemu-img convert.")
	}
	if im.file, err = os.Open(path); err != nil {
		return im.origin.Failed("opening", cause(err), adviceOnOpen(path, err))
	}
	if info, err = im.file.Stat(); err != nil {
		return im.origin.Unread(err)
	}
	im.opened, im.Size = info, info.Size()
	return nil
}

// unchanged returns ErrChanged, wrapped, once the file is no longer what was opened. That it may be is enough: it is hashed, sent
// and compared by readings of their own, so that its digest is the same afterwards proves nothing of what was sent before.
func (im *Image) unchanged() error {
	now, err := im.file.Stat()
	if err != nil {
		return im.origin.Unread(err)
	}
	before, after := glanced(im.source.Path, im.opened), glanced(im.source.Path, now)
	if after.same(before) {
		return nil
	}
	advice := "Shut down the guest or wait for the download that writes to it, then apply again."
	if after.Changed = before.Changed; after.same(before) {
		advice = "Its size and the time of its last writing are as they were. Either its mode, owner or links were changed, as a backup does, or it was " +
			"written to and given its time back: apply again once that is done."
	}
	return im.origin.Failed("reading", ErrChanged, advice)
}

// cause leaves out what an fs.PathError says again: message and path are given by the SourceError around it.
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
			return fmt.Sprintf("It was looked for at %s. Begin the path with ${path.module} where the file belongs to the "+
				"module.", full)
		}
		return "Begin the path with ${path.module} where the file belongs to the module."
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
