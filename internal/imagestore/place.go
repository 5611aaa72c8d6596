package imagestore

import (
	"context"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// A host that is this machine has its volumes in files of this machine, and one whose pool is on a shared file system has
// them there as well. An image that is a file is then copied into place, which takes no connection and, where the file
// system can share blocks, no time. The volume is made by libvirt all the same: its name, owner and mode are as ever.

// place opens the volume's own file, where this process sees it and may write to it, for an image that can be copied as it is:
// nil where it has to be sent. The file is as long as the image, and empty.
func (u *upload) place(ctx context.Context, im *transfer.Image) (*os.File, error) {
	if !im.Plain() || im.Size < volumes.MarkSize {
		return nil, nil
	}
	file, err := volumes.OpenFile(u.path, im.Size)
	if err != nil {
		return nil, nil //nolint:nilerr // then it is on another machine, or not for this user
	}
	same, err := u.store.IsVolume(ctx, u.base.Volume, file)
	if err == nil && same {
		err = emptied(file, im.Size)
	}
	if err == nil && !same { // what was sent to find out must not stay in a hole of the image
		err = u.store.host.WriteVolume(ctx, u.store.pool, u.base.Volume, make([]byte, volumes.MarkSize))
	}
	if err != nil || !same {
		_ = file.Close() // nothing was written to it
		return nil, err
	}
	return file, nil
}

// emptied makes a file a hole of size bytes.
func emptied(file *os.File, size int64) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	return file.Truncate(size)
}
