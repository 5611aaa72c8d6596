package library

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// capturedDisk is the system disk of an instance that an image is made of.
type capturedDisk struct {
	volume host.Volume
	format string // of the disk, as the domain's definition says
	room   int64  // bytes that the image takes at most
	busy   error  // why it must not be read now; nil for nothing
}

const adviceShutDown = "Set the instance's power_state to \"stopped\" first."

// captured looks up the system disk of the instance that a source names.
func (l *Library) captured(ctx context.Context, s transfer.Source) (capturedDisk, error) {
	none := capturedDisk{}
	domain, err := l.host.Domain(ctx, s.Instance)
	if err != nil && !errors.Is(err, host.ErrNoDomain) {
		return none, err
	}
	var facts catalog.InstanceFacts
	if err == nil && domain.Metadata != "" {
		if facts, err = catalog.ParseInstanceFacts(domain.Metadata); err != nil {
			return none, s.Fail("finding", err, "")
		}
	}
	if facts.Tenant != l.me.Tenant { // another tenant's is not there, either
		return none, s.Fail("finding", fmt.Errorf("tenant %q has no such instance: %w", l.me.Tenant, host.ErrNoDomain),
			"Take the id from novacron_instance.NAME.id. Use volume for the disk of a machine that novacron did not create.")
	}
	disk := none
	var chain []host.Volume
	for _, d := range domain.Disks {
		if d.Name != "" && (d.Target == "vda" || d.Target == "sdb") { // novacron's first disk, on either bus
			if chain, err = l.chainOf(ctx, facts, d); err != nil {
				return none, s.Fail("reading", err, adviceOnChain(err))
			}
			disk.format = d.Format
		}
	}
	if len(chain) == 0 {
		return none, s.Fail("reading", errors.New("its domain has no system disk in a pool of files"), "")
	}
	disk.volume, disk.room = chain[0], chainSize(chain)
	disk.busy, err = l.busy(ctx, s, domain, disk.volume)
	return disk, err
}

// busy tells why the disk of an instance must not be read now.
func (l *Library) busy(ctx context.Context, s transfer.Source, d host.Domain, disk host.Volume) (why, err error) {
	if d.State != host.StateShutoff {
		return s.Fail("reading", fmt.Errorf("the instance is %s: its disk would be a mix of what the guest writes meanwhile", d.State),
			adviceShutDown), nil
	}
	saved, err := l.host.HasSavedState(ctx, d.UUID)
	if err != nil {
		return nil, err
	}
	if saved {
		return s.Fail("reading", errors.New("the guest was saved, not shut down: its disk is that of a guest that runs"),
			"Start it and shut it down, or discard what was saved with virsh managedsave-remove."), nil
	}
	used, err := l.diskInUse(ctx, disk)
	if used != nil {
		return s.Fail("reading", used, "Shut them down, and apply again."), nil
	}
	return nil, err
}

// captureBase makes a base of an instance's system disk, on the host: a copy that stands on nothing. It is read back once for
// its digest.
func (l *Library) captureBase(ctx context.Context, r Registration, attempt int) (_ catalog.Base, err error) {
	none := catalog.Base{}
	disk, err := l.captured(ctx, r.Source)
	if err == nil {
		err = disk.busy
	}
	if err != nil {
		return none, err
	}
	if _, err := l.checkRoom(ctx, disk.room); err != nil {
		return none, err
	}
	u := l.newUpload(r, naming.Base(r.volume, attempt, string(image.FormatQcow2)), string(image.FormatQcow2))
	defer func() { err = u.settle(ctx, err) }()
	r.steps.Done("open")
	u.created = true
	spec := host.VolumeSpec{Name: u.base.Volume, Format: u.base.Format}
	from := host.CloneSource{Pool: disk.volume.Pool, Name: disk.volume.Name, Format: disk.format}
	copied, err := l.host.CloneVolume(ctx, l.pool, spec, from)
	if err != nil {
		return none, err
	}
	after, err := l.captured(ctx, r.Source)
	if err == nil {
		err = after.busy
	}
	if err == nil && (!after.volume.Modified.Equal(disk.volume.Modified) || after.volume.Path != disk.volume.Path) {
		err = r.Source.Fail("copying", errors.New("it changed while it was copied"), "Leave the instance stopped, and apply again.")
	}
	if err != nil {
		return none, err
	}
	r.steps.Done("copy")
	transfer, err := l.host.OpenTransfer(ctx)
	if err != nil {
		return none, err
	}
	defer transfer.Close()
	u.base.VirtualSize, u.base.StoredSize = int64(copied.Capacity), int64(copied.Physical)
	digest, err := digestOfVolume(ctx, transfer, l.pool, u.base.Volume, 0, nowAndThen(r.Progress, u.base.StoredSize))
	if err == nil {
		err = u.claim(ctx, digest)
	}
	if err == nil {
		_, err = u.recognised(ctx)
	}
	r.steps.Done("verify")
	if err == nil {
		err = u.publish(ctx)
	}
	if err != nil {
		return none, err
	}
	return u.base, nil
}

// progressInterval is how often it is told how far the reading of a copy is.
const progressInterval = 3 * time.Second

// nowAndThen tells tell every few seconds.
func nowAndThen(tell func(done, total int64), total int64) func(n int64) {
	told := time.Now()
	return func(n int64) {
		if tell != nil && (time.Since(told) >= progressInterval || n == total) {
			told = time.Now()
			tell(n, total)
		}
	}
}
