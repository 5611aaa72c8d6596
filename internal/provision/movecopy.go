package provision

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

const (
	// copyPiece is how many bytes are read at once. A piece of zeros is not sent.
	copyPiece = 1 << 20
	// scarce is the amount of free room, in bytes, at which it becomes doubtful whether a pool has kept
	// what was written to it last.
	scarce = 16 << 20
)

// Fill copies the volumes of an instance that moves here and is off. The caller removes what there is
// after an error.
func (p *Provisioner) Fill(ctx context.Context, c Cargo, from *Provisioner) error {
	for _, part := range c.parts {
		if err := p.fill(ctx, c, from, part); err != nil {
			return fmt.Errorf("copying volume %q from pool %q on %s: %w", part.volume, part.pool, from.host.URI(), err)
		}
	}
	return nil
}

func (p *Provisioner) fill(ctx context.Context, c Cargo, from *Provisioner, of part) error {
	pool, err := p.poolFor(ctx, of)
	if err != nil {
		return err
	}
	original, err := from.host.Volume(ctx, of.pool, of.volume)
	if err != nil {
		return err
	}
	reader, err := from.host.OpenVolume(ctx, of.pool, of.volume)
	if err != nil {
		return err
	}
	defer reader.Close()
	in, below := io.Reader(reader), (*host.Backing)(nil)
	if of.over {
		if in, below, err = p.restanding(ctx, c, reader); err != nil {
			return err
		}
	}
	err = step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := p.host.CreateVolume(ctx, pool.Name, host.VolumeSpec{
			Name: of.volume, Format: "raw", Capacity: original.Physical,
		})
		return err
	})
	if err != nil {
		return err
	}
	conn, err := p.host.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	sent := &sending{in: in, sum: sha256.New()}
	if err := sent.to(ctx, volumes.NewSink(conn, pool.Name, of.volume), int64(original.Physical)); err != nil {
		return err
	}
	return p.keptAll(ctx, conn, pool.Name, of.volume, sent, below)
}

// restanding is the content of an overlay that stands on this host's copy of the image, and what it
// stands on then.
func (p *Provisioner) restanding(ctx context.Context, c Cargo, r io.Reader) (io.Reader, *host.Backing, error) {
	image, err := p.sources.image(ctx, c.Blueprint.Version)
	if err != nil {
		return nil, nil, err
	}
	first := make([]byte, overlay.ClusterSize)
	n, err := io.ReadFull(r, first)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	below := &host.Backing{Path: image.volume.Path, Format: image.base.Format}
	first, err = overlay.Restand(first[:n], below.Path, below.Format)
	return io.MultiReader(bytes.NewReader(first), r), below, err
}

// keptAll makes sure that the host has kept all that was sent to a volume: it reads it back if the pool
// has little room left, or the volume takes up less than was sent.
func (p *Provisioner) keptAll(
	ctx context.Context, conn host.Transfer, pool, volume string, sent *sending, below *host.Backing,
) error {
	if err := p.host.RefreshPool(ctx, pool); err != nil {
		return err
	}
	v, err := p.host.Volume(ctx, pool, volume)
	if err != nil {
		return err
	}
	if below != nil && (v.Backing == nil || *v.Backing != *below) {
		return fmt.Errorf("the host finds that the copy stands on %s, and not on %s", volumes.BackingPath(v),
			below.Path)
	}
	has, err := p.host.Pool(ctx, pool)
	if err != nil || has.Available > scarce && v.Allocation >= uint64(sent.sent) {
		return err
	}
	stored := sha256.New()
	if err := conn.Download(ctx, pool, volume, stored, 0, 0); err != nil {
		return err
	}
	if !bytes.Equal(stored.Sum(nil), sent.sum.Sum(nil)) {
		return fmt.Errorf("pool %q on %s, which has %d MiB left, has not kept what was written to it", pool,
			p.host.URI(), has.Available>>20)
	}
	return nil
}

// sending sends what it reads, piece by piece, without the pieces of zeros.
type sending struct {
	in   io.Reader
	sum  hash.Hash // of everything read
	sent int64     // bytes

	piece []byte // the last that was read; empty at the end
	rest  []byte // of the piece, that is still to be sent
}

// to sends everything to a volume. It is an error if that is not size bytes: the volume would be another.
func (s *sending) to(ctx context.Context, sink volumes.Sink, size int64) error {
	s.piece = make([]byte, copyPiece)
	var at int64
	for {
		if err := s.next(); err != nil {
			return err
		}
		if len(s.piece) == 0 {
			break
		}
		if zeros(s.piece) {
			at += int64(len(s.piece))
			continue
		}
		if at >= size {
			return fmt.Errorf("it has more than the %d bytes that it had before", size)
		}
		run := &run{s: s}
		if err := sink.WriteAt(ctx, run, at, size-at); err != nil {
			return err
		}
		at += run.n
		s.sent += run.n
		if len(s.rest) > 0 {
			return fmt.Errorf("it has more than the %d bytes that it had before", size)
		}
		if run.zeros {
			at += int64(len(s.piece))
		}
	}
	if at != size {
		return fmt.Errorf("%d of its %d bytes could be read", at, size)
	}
	return nil
}

// next reads the next piece.
func (s *sending) next() error {
	piece := s.piece[:copyPiece]
	n, err := io.ReadFull(s.in, piece)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	s.piece = piece[:n]
	s.sum.Write(s.piece)
	s.rest = s.piece
	return nil
}

// run reads pieces until one of zeros, or the end.
type run struct {
	s     *sending
	n     int64 // bytes
	zeros bool  // the last piece that was read is of zeros, and was not passed on
}

// Read implements io.Reader.
func (r *run) Read(p []byte) (int, error) {
	if len(r.s.rest) == 0 {
		if err := r.s.next(); err != nil {
			return 0, err
		}
	}
	if len(r.s.piece) == 0 {
		return 0, io.EOF
	}
	if len(r.s.rest) == len(r.s.piece) && zeros(r.s.piece) {
		r.s.rest, r.zeros = nil, true
		return 0, io.EOF
	}
	n := copy(p, r.s.rest)
	r.s.rest = r.s.rest[n:]
	r.n += int64(n)
	return n, nil
}

// zeros reports whether data are nothing but zeros.
func zeros(data []byte) bool {
	var none [4096]byte
	for len(data) > 0 {
		n := min(len(data), len(none))
		if !bytes.Equal(data[:n], none[:n]) {
			return false
		}
		data = data[n:]
	}
	return true
}
