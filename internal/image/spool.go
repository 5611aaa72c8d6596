package image

import (
	"errors"
	"fmt"
	"os"
)

// spool is a file that only this process knows, and that is gone with it.
type spool struct {
	*os.File
	left bool // it could not be removed before it was used, as on Windows
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "novacron-image-*")
	if err != nil {
		return nil, fmt.Errorf("making a temporary file for the image: %w", err)
	}
	return &spool{f, os.Remove(f.Name()) != nil}, nil
}

// Close removes the file.
func (s *spool) Close() error {
	err := s.File.Close()
	if s.left {
		err = errors.Join(err, os.Remove(s.Name()))
	}
	return err
}
