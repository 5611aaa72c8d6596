package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// scarce is the amount of free room, in bytes, at which it becomes doubtful whether a pool has kept what
// was written to it last.
const scarce = 16 << 20

// Fill copies the volumes of an instance that moves here from the host of a name and is off. If both hosts share
// the pool, it only makes sure that they see the same volumes. The caller removes what there is after an error.
func (p *Provisioner) Fill(ctx context.Context, c Cargo, from *Provisioner, other string) error {
	shared, err := p.sharesWith(ctx, other)
	if err != nil {
		return err
	}
	if shared {
		return p.seen(ctx, c, from)
	}
	for _, part := range c.own() {
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
		if below, err = p.below(ctx, c); err != nil {
			return err
		}
		if in, err = restanding(reader, below); err != nil {
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
	sum := digest.Current.New()
	sent, err := transfer.SendBytes(ctx, "the volume", volumes.NewSink(conn, pool.Name, of.volume),
		io.TeeReader(in, sum), int64(original.Physical))
	if err != nil {
		return err
	}
	return p.keptAll(ctx, conn, pool.Name, of.volume, sent, sum, below)
}

// below is this host's copy of the image that an instance stands on.
func (p *Provisioner) below(ctx context.Context, c Cargo) (*host.Backing, error) {
	image, err := p.sources.image(ctx, c.Blueprint.Version)
	if err != nil {
		return nil, err
	}
	return &host.Backing{Path: image.volume.Path, Format: image.base.Format}, nil
}

// restanding is the content of an overlay that stands on another image.
func restanding(r io.Reader, below *host.Backing) (io.Reader, error) {
	first := make([]byte, overlay.ClusterSize)
	n, err := io.ReadFull(r, first)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	first, err = overlay.Restand(first[:n], below.Path, below.Format)
	return io.MultiReader(bytes.NewReader(first), r), err
}

// keptAll makes sure that the host has kept all that was sent to a volume: it reads it back if the pool
// has little room left, or the volume takes up less than was sent.
func (p *Provisioner) keptAll(
	ctx context.Context, conn host.Transfer, pool, volume string, sent int64, sum digest.Writer, below *host.Backing,
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
	if err != nil || has.Available > scarce && v.Allocation >= uint64(sent) {
		return err
	}
	stored, err := volumes.Digest(ctx, conn, pool, volume, 0, digest.Current, nil)
	if err != nil {
		return err
	}
	if stored != sum.Sum() {
		return fmt.Errorf("pool %q on %s, which has %d MiB left, has not kept what was written to it", pool,
			p.host.URI(), has.Available>>20)
	}
	return nil
}
