package storage

import (
	"context"
	"io"
)

// volumeReader reads a volume from beginning to end.
type volumeReader struct {
	*io.PipeReader
	cancel context.CancelFunc
	ended  <-chan struct{}
}

// OpenVolume reads the bytes of a volume's file, over a separate connection. Closing the reader
// closes that connection, also in the middle of a read.
func (s *Volumes) OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error) {
	t, err := s.OpenTransfer(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer t.Close()
		// A caller that has closed the reader needs no error.
		_ = w.CloseWithError(t.Download(ctx, pool, name, w, 0, 0))
	}()
	return &volumeReader{r, cancel, ended}, nil
}

// Close stops reading and waits until the connection is closed, because the host does not delete a
// volume that it considers in use.
func (r *volumeReader) Close() error {
	r.cancel()
	err := r.PipeReader.Close()
	<-r.ended
	return err
}
