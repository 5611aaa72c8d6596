package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

const (
	// uploadChunk is how much an upload hands out at a time. go-libvirt would take 4 MiB, but smaller
	// packets double the speed. This size fits into a UNIX socket's buffer at once
	// (net.core.wmem_default, 208 KiB), and both ends together take a fifth less time than with
	// packets of a little over 256 KiB.
	uploadChunk = 192 << 10

	// stallLimit times the call timeout is how long the host may leave a transfer without progress. It
	// is long because the host flushes a file to its disk before it confirms the end of an upload.
	stallLimit = 5
)

// Transfer is a connection for bulk data. It runs one transfer at a time. After an error that is
// not about the volume, the connection is closed, and further transfers fail with
// host.ErrUnreachable.
type Transfer struct {
	pools *Pools
	conn  *rpc.Conn
}

// OpenTransfer opens a connection for bulk data. The caller closes it.
func (s *Volumes) OpenTransfer(ctx context.Context) (host.Transfer, error) {
	c, err := s.client.Alone(ctx, "opening", "a transfer")
	if err != nil {
		return nil, err
	}
	return &Transfer{pools: s.pools, conn: c}, nil
}

// Close closes the transfer's connection.
func (t *Transfer) Close() { t.conn.Close() }

// Upload writes exactly length bytes of r into a volume at offset. If r ends early, Upload returns
// io.ErrUnexpectedEOF; if r fails, it returns r's error. It leaves the rest of a longer r unread. A
// qcow2 volume takes its capacity from the uploaded header; see ResizeVolume. libvirt confirms what
// it received, not what fitted: check for free space before the upload and verify the volume after
// it. When ctx ends, Upload may still read from r for a moment.
func (t *Transfer) Upload(ctx context.Context, pool, volume string, r io.Reader, offset, length int64) error {
	return t.upload(ctx, pool, volume, &uploadSource{r: r, left: length}, offset, length)
}

// UploadAll is Upload of everything in r, at most length bytes.
func (t *Transfer) UploadAll(ctx context.Context, pool, volume string, r io.Reader, offset, length int64) error {
	return t.upload(ctx, pool, volume, &uploadSource{r: r, left: length, open: true}, offset, length)
}

func (t *Transfer) upload(ctx context.Context, pool, volume string, source *uploadSource, offset, length int64) error {
	const op = "uploading"
	object := virterr.Volume(pool, volume)
	if length == 0 {
		return nil // for libvirt, 0 means no limit
	}
	err := t.run(ctx, &source.progress, source.abort, func(l *libvirt.Libvirt) error {
		return l.StorageVolUpload(volumeRef(pool, volume), source, uint64(offset), uint64(length), 0)
	})
	if ctx.Err() == nil {
		// go-libvirt may continue to read for a moment after the host refused.
		if readErr := source.stop(); readErr != nil {
			return virterr.Fail(op, object, readErr)
		}
	}
	return t.pools.blamePool(ctx, op, object, pool, virterr.Fail(op, object, err))
}

// Download writes length bytes of a volume from offset to w; a length of 0 means up to the end. It
// is not an error if the volume ends earlier. If w fails, Download returns w's error and closes the
// connection.
func (t *Transfer) Download(ctx context.Context, pool, volume string, w io.Writer, offset, length int64) error {
	const op = "downloading"
	object := virterr.Volume(pool, volume)
	sink := &downloadSink{w: w, failed: func() { t.conn.Cut() }}
	err := t.run(ctx, &sink.progress, nil, func(l *libvirt.Libvirt) error {
		return l.StorageVolDownload(volumeRef(pool, volume), sink, uint64(offset), uint64(length), 0)
	})
	if ctx.Err() == nil {
		if writeErr := sink.stop(); writeErr != nil {
			return virterr.Fail(op, object, writeErr)
		}
	}
	return t.pools.blamePool(ctx, op, object, pool, virterr.Fail(op, object, err))
}

// run makes one streaming request. It closes the connection if ctx ends or the host makes no
// progress; see rpc.Conn.Do for abort.
func (t *Transfer) run(ctx context.Context, p *progress, abort func(), fn func(*libvirt.Libvirt) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := stallLimit * t.pools.client.CallTimeout()
	p.mark(false)
	go p.watch(ctx, limit, func() {
		cancel(fmt.Errorf("%w: no progress for %s", host.ErrUnreachable, limit))
	})
	return t.conn.Do(ctx, abort, fn)
}

// progress watches the host's part of a transfer. Time that the caller's own reader or writer takes
// does not count.
type progress struct {
	since atomic.Int64 // Unix nanoseconds of the last step
	ours  atomic.Bool  // the caller's reader or writer is at work
}

func (p *progress) mark(ours bool) {
	p.ours.Store(ours)
	p.since.Store(time.Now().UnixNano())
}

func (p *progress) watch(ctx context.Context, limit time.Duration, stalled func()) {
	tick := time.NewTicker(limit / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if !p.ours.Load() && now.UnixNano()-p.since.Load() > int64(limit) {
				stalled()
				return
			}
		}
	}
}

// errStopped is the error that go-libvirt gets when it reads after the transfer's end.
var errStopped = errors.New("the transfer has ended")

// uploadSource hands out exactly the bytes of an upload and keeps the reader's
// own error, which go-libvirt loses.
type uploadSource struct {
	progress
	aborted atomic.Bool
	mu      sync.Mutex
	r       io.Reader
	left    int64
	open    bool // r may end earlier
	err     error
}

// Read hands out at most uploadChunk bytes, and io.EOF after the last.
func (s *uploadSource) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.aborted.Load() {
		return 0, errStopped
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	s.mark(true)
	defer s.mark(false)
	n, err := s.r.Read(p[:min(int64(len(p)), uploadChunk, s.left)])
	s.left -= int64(n)
	switch {
	case s.left == 0:
		err = nil
	case err == io.EOF && s.open:
		s.left, err = 0, nil
		if n == 0 {
			return 0, io.EOF
		}
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	s.err = err
	return n, err
}

// abort makes go-libvirt abort the upload at its next read. It does not wait for a read in
// progress.
func (s *uploadSource) abort() { s.aborted.Store(true) }

// stop ends all reading and returns the reader's error.
func (s *uploadSource) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err
	s.err = errStopped
	return err
}

// downloadSink keeps the writer's own error. It never returns one: go-libvirt would stop listening
// while its connection still delivers, and both would wait for each other for ever. Instead,
// closing the connection ends the delivery.
type downloadSink struct {
	progress
	mu     sync.Mutex
	w      io.Writer
	err    error
	failed func()
}

// Write passes data on until the writer fails.
func (s *downloadSink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.mark(true)
		_, s.err = s.w.Write(p)
		s.mark(false)
		if s.err != nil {
			s.failed()
		}
	}
	return len(p), nil
}

func (s *downloadSink) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.err
	s.err = errStopped
	return err
}
