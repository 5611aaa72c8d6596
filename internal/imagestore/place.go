package imagestore

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"

	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
)

// A host that is this machine has its volumes in files of this machine, and one whose pool is on a shared file system has
// them there as well. An image that is a file is then copied into place, which takes no connection and, where the file
// system can share blocks, no time. The volume is made by libvirt all the same: its name, owner and mode are as ever.

// place opens the volume's own file, where this process sees it and may write to it, for an image that can be copied as it is:
// nil where it has to be sent. The file is as long as the image, and empty.
func (u *upload) place(ctx context.Context, im *transfer.Image) (*os.File, error) {
	if !im.Plain() || im.Size < markSize {
		return nil, nil
	}
	file, err := openVolumeFile(u.path, im.Size)
	if err != nil {
		return nil, nil //nolint:nilerr // then it is on another machine, or not for this user
	}
	same, err := u.store.isVolume(ctx, u.base.Volume, file)
	if err == nil && same {
		err = emptied(file, im.Size)
	}
	if err == nil && !same { // what was sent to find out must not stay in a hole of the image
		err = u.store.host.WriteVolume(ctx, u.store.pool, u.base.Volume, make([]byte, markSize))
	}
	if err != nil || !same {
		_ = file.Close() // nothing was written to it
		return nil, err
	}
	return file, nil
}

// markSize is how many bytes a volume is recognised by: too many to be the same by chance.
const markSize = 26

// isVolume tells whether a file of this machine is that of an empty volume. A path proves nothing: the host may be another
// machine, or see other files at the same paths. So the host writes what nobody can know, and it must appear in the file
// that was opened before. The file itself is not written to: it might be anybody's.
func (p *Pool) isVolume(ctx context.Context, volume string, file *os.File) (bool, error) {
	mark := []byte(rand.Text())[:markSize]
	if err := p.host.WriteVolume(ctx, p.pool, volume, mark); err != nil {
		return false, err
	}
	found := make([]byte, markSize)
	_, err := file.ReadAt(found, 0)
	return err == nil && bytes.Equal(found, mark), nil
}

// emptied makes a file a hole of size bytes.
func emptied(file *os.File, size int64) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	return file.Truncate(size)
}
