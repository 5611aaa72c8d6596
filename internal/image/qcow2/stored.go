package qcow2

import (
	"context"
	"errors"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// ErrPacked says that a disk's data is not stored in whole blocks.
var ErrPacked = errors.New("its clusters are compressed, or smaller than 64 KiB")

// storedBlock is what clusters have to be multiples of, in bytes.
const storedBlock = 64 << 10

// Stored passes on where the data of a disk is in the file of its image, which CheckHeader has
// accepted: both are offsets in bytes, and length is a multiple of 64 KiB except where the disk
// ends. It goes in the order of the disk, and ends with ctx, and with an error of do, which it
// returns. It returns ErrPacked if something is stored in another way. Other errors are those of
// CheckWhole.
func Stored(
	ctx context.Context, o image.Origin, r io.ReaderAt, size int64, do func(disk, file, length int64) error,
) error {
	t, err := newTables(ctx, o, r, size)
	if err != nil {
		return err
	}
	if t.cluster%storedBlock != 0 || t.entry != 8 { // subclusters are smaller
		return ErrPacked
	}
	return t.clusters(func(c cluster) error {
		switch {
		case !c.data || c.disk >= t.disk:
			return nil
		case c.packed || c.file%storedBlock != 0: // the latter in a damaged image
			return ErrPacked
		}
		return do(int64(c.disk), int64(c.file), int64(min(t.cluster, t.disk-c.disk)))
	})
}
