// Package spool has temporary files for images that pass only once, and have to be read again or in
// another order.
package spool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// File is a file that only this process knows, and that is removed with it.
type File struct {
	file *os.File
	dir  string
	left bool // it could not be removed before use, as on Windows
}

// New creates an empty file in the directory of temporary files.
func New() (*File, error) {
	f, err := os.CreateTemp("", "novacron-image-*")
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file for the image: %w", err)
	}
	return &File{f, os.TempDir(), os.Remove(f.Name()) != nil}, nil
}

// FullError reports that the directory of temporary files has no more room.
type FullError struct {
	Dir string
	Err error
}

func (e *FullError) Error() string { return fmt.Sprintf("the temporary directory %s is full", e.Dir) }

func (e *FullError) Unwrap() error { return e.Err }

// Write implements io.Writer. It returns a *FullError if there is no more room.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	if errors.Is(err, syscall.ENOSPC) {
		err = &FullError{f.dir, err}
	}
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, offset int64) (int, error) { return f.file.ReadAt(p, offset) }

// Dir is the directory of temporary files.
func (f *File) Dir() string { return f.dir }

// Left reports whether the file has a name until it is closed.
func (f *File) Left() bool { return f.left }

// Room is how many bytes the file may take: what is free in its directory, without a sixteenth of it
// for others. It is not known on all systems.
func (f *File) Room() (bytes, free int64, known bool) {
	free, known = freeBytes(f.file)
	return free - free/16, free, known
}

// Close removes the file.
func (f *File) Close() error {
	err := f.file.Close()
	if f.left {
		err = errors.Join(err, os.Remove(f.file.Name()))
	}
	return err
}
