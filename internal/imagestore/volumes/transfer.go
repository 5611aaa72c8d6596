package volumes

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
)

// Digest reads a volume's bytes as they are in its file, starting at from, and returns their digest
// of that form. It reports the number of bytes read to notice, unless notice is nil.
func Digest(
	ctx context.Context, transfer host.Transfer, pool, volume string, from int64, form digest.Form,
	notice func(n int64),
) (string, error) {
	sum := form.New()
	var w io.Writer = sum
	if notice != nil {
		w = io.MultiWriter(sum, &noticed{notice: notice})
	}
	if err := transfer.Download(ctx, pool, volume, w, from, 0); err != nil {
		return "", err
	}
	return sum.Sum(), nil
}

// noticed counts the bytes written.
type noticed struct {
	n      int64
	notice func(n int64)
}

func (n *noticed) Write(p []byte) (int, error) {
	n.n += int64(len(p))
	n.notice(n.n)
	return len(p), nil
}

// Sink writes extents to a volume.
type Sink struct {
	transfer     host.Transfer
	pool, volume string
}

// NewSink returns a sink that writes to a volume.
func NewSink(transfer host.Transfer, pool, volume string) Sink { return Sink{transfer, pool, volume} }

// WriteAt implements transfer.Sink.
func (s Sink) WriteAt(ctx context.Context, r io.Reader, offset, length int64) error {
	lent := &lentReader{r: r}
	defer lent.giveBack() // a cancelled transfer may go on reading for a moment, and must not use the reader
	return s.transfer.UploadAll(ctx, s.pool, s.volume, lent, offset, length)
}

// errGivenBack is the error of reading from a reader that was given back.
var errGivenBack = errors.New("the sending has ended")

// lentReader is a reader that is usable only while it is lent.
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

// giveBack waits for a running read; no read begins after it.
func (l *lentReader) giveBack() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.back = true
}

// ReaderAt reads parts of a volume. Each read is a request, so a small read, such as one of a table
// of small clusters, fetches and keeps more.
type ReaderAt struct {
	ctx          context.Context //nolint:containedctx // io.ReaderAt has none
	transfer     host.Transfer
	pool, volume string

	kept   []byte // what was read last
	offset int64  // where that is
}

const (
	smallRead = 64 << 10 // bytes: less than a table of clusters of the usual size
	readMore  = 1 << 20  // bytes that are read instead: if tables are small, the next one is near
)

// NewReaderAt reads a volume's file in parts, with ctx.
func NewReaderAt(ctx context.Context, transfer host.Transfer, pool, volume string) *ReaderAt {
	return &ReaderAt{ctx: ctx, transfer: transfer, pool: pool, volume: volume}
}

// ReadAt implements io.ReaderAt.
func (s *ReaderAt) ReadAt(p []byte, offset int64) (int, error) {
	from := offset - s.offset
	if from < 0 || from+int64(len(p)) > int64(len(s.kept)) {
		var got bytes.Buffer
		length := int64(len(p))
		if length < smallRead {
			length = readMore
		}
		if err := s.transfer.Download(s.ctx, s.pool, s.volume, &got, offset, length); err != nil {
			return 0, err
		}
		s.kept, s.offset, from = got.Bytes(), offset, 0
	}
	n := copy(p, s.kept[from:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
