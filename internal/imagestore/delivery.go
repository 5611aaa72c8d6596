package imagestore

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// delivery is how an image was delivered.
type delivery struct {
	transferred int64         // bytes
	copied      bool          // on this machine, which is the host
	shared      int64         // bytes that a copy has in common with the source
	blocks      *blockmap.Map // nil if it takes another reading
}

// step names what was done, for the steps of a registration.
func (d delivery) step() string {
	if d.copied {
		return "copy"
	}
	return "send"
}

// send sends an image as it is, or only what differs from the image below.
func (u *upload) send(ctx context.Context, im *transfer.Image, below *below, conn host.Transfer, options ...transfer.Option) (delivery, error) {
	to := volumes.NewSink(conn, u.store.pool, u.base.Volume)
	if below == nil {
		file, err := u.place(ctx, im)
		if err != nil {
			return delivery{}, err
		}
		result, err := im.Send(ctx, to, append(options, transfer.Into(file), transfer.MapBlocks())...)
		return delivery{result.Transferred, result.Copied, result.Shared, result.Blocks}, err
	}
	changes, err := im.SendChanges(ctx, to, below.Below, options...)
	u.base.StoredSize, u.base.Stored = changes.Size, changes.Stored
	return delivery{transferred: changes.Transferred, blocks: changes.Blocks}, err
}
