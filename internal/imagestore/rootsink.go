package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/ext4"
	"github.com/novacron/terraform-provider-novacron/internal/image/verity"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// rootSink is where a root file system is written to, in the order in which it is made. It hashes what
// passes.
type rootSink struct {
	to     ext4.Sink
	file   *os.File // of the volume, if that is a file of this machine; nil if everything is sent
	sum    *verity.Scattered
	notice func(n int64)
	sent   int64 // bytes
}

// rootSink opens the volume of an upload.
func (u *upload) rootSink(ctx context.Context, conn host.Transfer, notice func(n int64)) (*rootSink, error) {
	file, err := u.openFile(ctx, ext4.BlockSize)
	if err != nil {
		return nil, err
	}
	s := &rootSink{sum: verity.NewScattered(), file: file, notice: notice}
	if s.to = volumes.NewSink(conn, u.store.poolName, u.base.Volume); file != nil {
		s.to = fileSink{file}
	}
	return s, nil
}

// WriteAt implements ext4.Sink.
func (s *rootSink) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	return s.to.WriteAt(ctx, &hashedReader{s, r, offset}, offset, length)
}

// hashedReader hashes what is read, which belongs at an offset.
type hashedReader struct {
	*rootSink
	r      io.Reader
	offset int64
}

// Read implements io.Reader.
func (h *hashedReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	if _, failed := h.sum.WriteAt(p[:n], h.offset); failed != nil {
		return 0, failed
	}
	h.offset += int64(n)
	h.sent += int64(n)
	h.notice(h.sent)
	return n, err
}

// step names what was done, for the steps of a registration.
func (s *rootSink) step() string { return delivery{copied: s.file != nil}.step() }

// digest is the digest of a file system of size bytes.
func (s *rootSink) digest(size int64) string { return digest.FSVerity.Of(s.sum.Sum(size)) }

// end makes sure that a file is as long as its file system, and on its disk.
func (s *rootSink) end(size int64) error {
	if s.file == nil {
		return nil
	}
	err := s.file.Truncate(size)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("storing the root file system in %s: %w", s.file.Name(), err)
	}
	return nil
}

// close closes the file.
func (s *rootSink) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// fileSink writes to a file of this machine.
type fileSink struct{ *os.File }

// WriteAt implements ext4.Sink.
func (f fileSink) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	const some = 256 << 10 // bytes
	w := io.NewOffsetWriter(f.File, offset)
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(r, length), make([]byte, some))
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("storing the root file system in %s: %w. Make room, or use another pool", f.Name(),
			syscall.ENOSPC)
	}
	return err
}
