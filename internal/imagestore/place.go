package imagestore

import (
	"context"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// If the host is this machine, its volumes are files of this machine; if its pool is on a shared
// file system, they appear as files here as well. An image that is a file is then copied into
// place. That takes no connection and, if the file system can share blocks, no time. libvirt still
// creates the volume, so its name, owner and mode are as always.

// place opens the volume's own file for an image that can be copied as it is, if this process sees
// the file and may write to it; it returns nil if the image has to be sent. The file is as long as
// the image, and empty.
func (u *upload) place(ctx context.Context, im *transfer.Image) (*os.File, error) {
	if !im.Plain() || im.Size < volumes.MarkSize {
		return nil, nil
	}
	return u.openFile(ctx, im.Size)
}

// openFile opens the volume's own file, of size bytes, and empties it. It returns nil if this process
// does not see the file or may not write to it.
func (u *upload) openFile(ctx context.Context, size int64) (*os.File, error) {
	file, err := volumes.OpenFile(u.path, size)
	if err != nil {
		return nil, nil //nolint:nilerr // then it is on another machine, or not for this user
	}
	same, err := u.store.pool.IsVolume(ctx, u.base.Volume, file)
	if err == nil && same {
		err = emptied(file, size)
	}
	if err == nil && !same { // the mark that was sent to find out must not stay in a hole of the image
		err = u.store.host.WriteVolume(ctx, u.store.poolName, u.base.Volume, make([]byte, volumes.MarkSize))
	}
	if err != nil || !same {
		_ = file.Close() // nothing was written to it
		return nil, err
	}
	return file, nil
}

// emptied turns a file into a hole of size bytes.
func emptied(file *os.File, size int64) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	return file.Truncate(size)
}

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
func (u *upload) send(
	ctx context.Context, im *transfer.Image, below *below, conn host.Transfer, options ...transfer.Option,
) (delivery, error) {
	to := volumes.NewSink(conn, u.store.poolName, u.base.Volume)
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
