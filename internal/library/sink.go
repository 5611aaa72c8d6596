package library

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// digestOfVolume reads a volume's bytes as they are in its file, from one on. Notice, where it is not nil, is told how many have
// come.
func digestOfVolume(ctx context.Context, transfer *hypervisor.Transfer, pool, volume string, from int64, notice func(n int64)) (string, error) {
	sum := sha256.New()
	var w io.Writer = sum
	if notice != nil {
		w = io.MultiWriter(sum, &noticed{notice: notice})
	}
	if err := transfer.Download(ctx, pool, volume, w, from, 0); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// noticed counts what is written.
type noticed struct {
	n      int64
	notice func(n int64)
}

func (n *noticed) Write(p []byte) (int, error) {
	n.n += int64(len(p))
	n.notice(n.n)
	return len(p), nil
}

// sink writes extents to a volume.
type sink struct {
	transfer     *hypervisor.Transfer
	pool, volume string
}

// WriteAt implements image.Sink.
func (s sink) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	lent := &lentReader{r: r}
	defer lent.giveBack() // a transfer that is cancelled may go on reading for a moment, and the reader may not
	return s.transfer.UploadAll(ctx, s.pool, s.volume, lent, offset, length)
}

// errGivenBack is what is left to read of a reader that was given back.
var errGivenBack = errors.New("the sending has ended")

// lentReader is a reader for as long as it is lent.
type lentReader struct {
	mu   sync.Mutex
	r    io.Reader
	back bool
}

// Read implements io.Reader.
func (l *lentReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.back {
		return 0, errGivenBack
	}
	return l.r.Read(p)
}

// giveBack waits for a read that is going on; none begins after it.
func (l *lentReader) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = true
}

// storedAt reads parts of a volume.
type storedAt struct {
	ctx          context.Context //nolint:containedctx // io.ReaderAt has none
	transfer     *hypervisor.Transfer
	pool, volume string
}

// ReadAt implements io.ReaderAt.
func (s *storedAt) ReadAt(p []byte, offset int64) (int, error) {
	var got bytes.Buffer
	if err := s.transfer.Download(s.ctx, s.pool, s.volume, &got, offset, int64(len(p))); err != nil {
		return 0, err
	}
	n := copy(p, got.Bytes())
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
