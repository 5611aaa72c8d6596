package imagestore

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
)

// captureBase creates a base from an instance's system disk, on the host: a copy that stands on
// nothing. It reads the copy back once for its digest.
func (h holding) captureBase(ctx context.Context, from onhost.Captured, attempt int) (_ catalog.Base, err error) {
	none := catalog.Base{}
	disk, err := from.Disk(ctx)
	if err == nil {
		err = disk.Busy
	}
	if err != nil {
		return none, err
	}
	if _, err := h.pool.CheckRoom(ctx, disk.Room); err != nil {
		return none, err
	}
	u := h.newUpload(naming.Base(h.Stem, attempt, string(image.FormatQcow2)), string(image.FormatQcow2))
	defer func() { err = u.rollBackOn(ctx, err) }()
	h.Steps.Done("open")
	u.created = true
	spec := host.VolumeSpec{Name: u.base.Volume, Format: u.base.Format}
	original := host.CloneSource{Pool: disk.Volume.Pool, Name: disk.Volume.Name, Format: disk.Format}
	copied, err := h.host.CloneVolume(ctx, h.poolName, spec, original)
	if err != nil {
		return none, err
	}
	after, err := from.Disk(ctx)
	if err == nil {
		err = after.Busy
	}
	if err == nil && (!after.Volume.Modified.Equal(disk.Volume.Modified) || after.Volume.Path != disk.Volume.Path) {
		err = source.Origin(from).Failed("copying", errors.New("it changed while it was copied"),
			"Leave the instance stopped, and apply again.")
	}
	if err != nil {
		return none, err
	}
	h.Steps.Done("copy")
	transfer, err := h.host.OpenTransfer(ctx)
	if err != nil {
		return none, err
	}
	defer transfer.Close()
	u.base.VirtualSize, u.base.StoredSize = int64(copied.Capacity), int64(copied.Physical)
	sum, err := volumes.Digest(ctx, transfer, h.poolName, u.base.Volume, 0, digest.Current,
		throttled(h.Progress, u.base.StoredSize))
	if err == nil {
		err = u.claim(ctx, sum)
	}
	if err == nil {
		_, err = u.recognised(ctx)
	}
	h.Steps.Done("verify")
	if err == nil {
		err = u.publish(ctx)
	}
	if err != nil {
		return none, err
	}
	return u.base, nil
}

// progressInterval is how often the progress of reading a copy is reported.
const progressInterval = 3 * time.Second

// throttled returns a function that tells the progress at most every progressInterval, and at the
// end.
func throttled(tell func(done, total int64), total int64) func(n int64) {
	told := time.Now()
	return func(n int64) {
		if tell != nil && (time.Since(told) >= progressInterval || n == total) {
			told = time.Now()
			tell(n, total)
		}
	}
}
