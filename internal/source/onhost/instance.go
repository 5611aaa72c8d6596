package onhost

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/source"
)

// InstanceKind creates sources from the attribute instance_id.
var InstanceKind = source.Kind{Attribute: "instance_id", Whole: true, New: func(s source.Settings) source.Source {
	return Instance{UUID: s.Text("instance_id"), Checksum: s.Text("checksum")}
}}

// Instance is the system disk of an instance.
type Instance struct {
	UUID     string
	Checksum string // refused by Validate
}

var _ Hosted = Instance{}

// String implements source.Source.
func (i Instance) String() string { return "the system disk of instance " + i.UUID }

// Attribute implements source.Source.
func (Instance) Attribute() string { return "instance_id" }

// uuidForm is a UUID as libvirt writes it (RFC 9562).
var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Validate implements source.Source.
func (i Instance) Validate() error {
	doing := "reading the source " + i.String()
	switch {
	case !uuidForm.MatchString(i.UUID):
		return image.Blame("instance_id", doing, errors.New("it is not a UUID"),
			"Take it from novacron_instance.NAME.id.")
	case i.Checksum != "":
		return image.Blame("checksum", doing, errors.New("a checksum describes a file, and that of an instance's disk "+
			"cannot be known beforehand"), "Leave it out.")
	}
	return nil
}

// Same implements source.Source.
func (i Instance) Same(other source.Source) bool {
	if hosted, is := other.(hostedInstance); is {
		other = hosted.Instance
	}
	return other == i
}

// Expected implements source.Source. Nothing is known about a disk before it is copied.
func (Instance) Expected() image.Checksum { return image.Checksum{} }

// Open implements source.Source. It is an error: the host copies the disk, see Captured.
func (i Instance) Open(context.Context) (*transfer.Image, error) { return unbound(i) }

// On implements Hosted.
func (i Instance) On(h *Host) source.Probed { return hostedInstance{i, h} }

type hostedInstance struct {
	Instance
	host *Host
}

var _ Captured = hostedInstance{}

// Probe implements source.Probed.
func (i hostedInstance) Probe(ctx context.Context) (source.Probe, error) {
	disk, err := i.Disk(ctx)
	return source.Probe{VirtualSize: int64(disk.Volume.Capacity), Wait: disk.Busy}, err
}

// Disk is the system disk of an instance from which an image is created.
type Disk struct {
	Volume host.Volume
	Format string // of the disk, as the domain's definition says
	Room   int64  // the most bytes that the image may take
	Busy   error  // why it must not be read now; nil if it may be
}

// Disk implements Captured.
func (i hostedInstance) Disk(ctx context.Context) (Disk, error) {
	none := Disk{}
	if err := i.Validate(); err != nil {
		return none, err
	}
	domain, err := i.host.Domain(ctx, i.UUID)
	if err != nil && !errors.Is(err, host.ErrNoDomain) {
		return none, err
	}
	var facts metadata.Facts
	if err == nil && domain.Metadata != "" {
		if facts, err = metadata.Parse(domain.Metadata); err != nil {
			return none, failed(i, "finding", err, "")
		}
	}
	if facts.Tenant != i.host.Tenant { // another tenant's counts as missing, too
		err := fmt.Errorf("tenant %q has no such instance: %w", i.host.Tenant, host.ErrNoDomain)
		return none, failed(i, "finding", err, "Take the id from novacron_instance.NAME.id. Use volume for "+
			"the disk of a machine that novacron did not create.")
	}
	disk := none
	var chain []host.Volume
	for _, d := range domain.Disks {
		if d.Name != "" && (d.Target == "vda" || d.Target == "sdb") { // novacron's first disk, on either bus
			if chain, err = i.host.Chain(ctx, facts, d); err != nil {
				return none, failed(i, "reading", err, adviceOnChain(err))
			}
			disk.Format = d.Format
		}
	}
	if len(chain) == 0 {
		return none, failed(i, "reading", errors.New("its domain has no system disk in a pool of files"), "")
	}
	disk.Volume, disk.Room = chain[0], chainSize(chain)
	disk.Busy, err = i.busy(ctx, domain, disk.Volume)
	return disk, err
}

// chainSize is what the files of a disk take up, in bytes.
func chainSize(chain []host.Volume) int64 {
	var sum uint64
	for _, v := range chain {
		sum += v.Allocation
	}
	top := chain[0]
	return int64(min(sum, top.Capacity+top.Capacity/64))
}

// adviceOnChain says what to do about a disk that must not be read.
func adviceOnChain(err error) string {
	if _, forged := errors.AsType[*host.FormatError](err); !forged {
		return ""
	}
	return "The host would copy what that leads to, which may be any of its files. The guest of a raw disk can write " +
		"such a beginning: have it write another one, or create the instance again from a version that can be trusted."
}

// busy says why the disk of an instance must not be read now.
func (i hostedInstance) busy(ctx context.Context, d host.Domain, disk host.Volume) (why, err error) {
	if d.State != host.StateShutoff {
		running := fmt.Errorf("the instance is %s: its disk would be a mix of what the guest writes meanwhile", d.State)
		return failed(i, "reading", running, "Set the instance's power_state to \"stopped\" first."), nil
	}
	saved, err := i.host.HasSavedState(ctx, d.UUID)
	if err != nil {
		return nil, err
	}
	if saved {
		return failed(i, "reading", errors.New("the guest was saved, not shut down: its disk is that of a "+
			"guest that runs"),
			"Start it and shut it down, or discard what was saved with virsh managedsave-remove."), nil
	}
	used, err := i.host.diskInUse(ctx, disk)
	if used != nil {
		return failed(i, "reading", used, "Shut them down, and apply again."), nil
	}
	return nil, err
}
