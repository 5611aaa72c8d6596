package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// A live move is one whose guest runs on. The hosts send each other the memory and the disks, and go on
// with that whatever becomes of the process that asked for it. So what counts is where the guest is, and
// both hosts are asked for that: see Passage. What no guest writes to is copied before.

// live is what another host has to know of a guest that is to run on there.
type live struct {
	running string    // as its host describes it
	disks   []string  // targets of the disks that it has now
	on      host.Info // its host
}

// Live makes a cargo that of a guest which runs on. A finding says why it cannot.
func (p *Provisioner) Live(ctx context.Context, c Cargo) (Cargo, error) {
	driver, err := p.kinds.of(c.Instance.Type)
	if err != nil {
		return c, err
	}
	switch {
	case !driver.Capabilities().Live:
		return c, unliving(c.Instance, fmt.Sprintf("guests of templates of the type %q cannot be moved while they run",
			c.Instance.Type))
	case !c.Instance.Healthy():
		return c, unliving(c.Instance, fmt.Sprintf("it is %s: resume it, or switch it off, first", c.Instance.State))
	}
	hardware, err := p.host.Hardware(ctx, c.Instance.UUID)
	if err != nil {
		return c, err
	}
	c.live = &live{}
	for _, disk := range hardware.Disks {
		known := func(of part) bool { return of.target == disk.Target && of.path == disk.Path }
		if disk.Path+disk.Volume != "" && !slices.ContainsFunc(c.parts, known) {
			return c, unliving(c.Instance, fmt.Sprintf("its guest has the disk %s, %q, which its definition does not "+
				"have", disk.Target, disk.Path+disk.Volume))
		}
		c.live.disks = append(c.live.disks, disk.Target)
	}
	if c.live.running, err = p.host.RunningDefinition(ctx, c.Instance.UUID); err != nil {
		return c, err
	}
	c.live.on, err = p.inventory.Info(ctx)
	return c, err
}

// sent reports whether the guest's host sends a volume. All others are copied: no guest writes to them.
func (c Cargo) sent(of part) bool { return of.format != "" && slices.Contains(c.live.disks, of.target) }

// unliving is the finding that an instance cannot be moved while its guest runs.
func unliving(i kind.Instance, why string) error {
	return finding.List{{Path: finding.At("on_host_change"), Summary: "Guest cannot be moved while it runs",
		Detail: fmt.Sprintf("The guest of instance %q cannot be moved to another host while it runs: %s. Or let the "+
			"move shut it down (on_host_change = \"move\").", i.Facts.Name, why)}}
}

// Runs makes sure that the host can run a guest that comes here while it runs. It returns a *VacantError if
// not.
func (p *Provisioner) Runs(ctx context.Context, c Cargo) error {
	why, err := p.host.Unable(ctx, c.live.running)
	if err == nil && why == "" {
		why, err = p.differs(ctx, c)
	}
	if err == nil && why != "" {
		err = &VacantError{"it cannot run the guest: " + why}
	}
	return err
}

// differs returns what is different here that a guest's type of processor depends on.
func (p *Provisioner) differs(ctx context.Context, c Cargo) (why string, err error) {
	passed := c.cpu == "host-passthrough" || c.cpu == "maximum"
	if !passed {
		return "", nil
	}
	here, err := p.inventory.Info(ctx)
	there := c.live.on
	switch {
	case err != nil:
	case !c.emulated && here.CPUDigest != there.CPUDigest:
		why = fmt.Sprintf("its processor (%s) is not the same as that of the guest's host (%s), and the guest has the "+
			"cpu_type %s", here.CPUModel, there.CPUModel, c.cpu)
	case c.cpu == "maximum" && here.HypervisorVersion != there.HypervisorVersion:
		why = fmt.Sprintf("it has QEMU %s, and the guest's host %s, and the guest has the cpu_type %s",
			here.HypervisorVersion, there.HypervisorVersion, c.cpu)
	}
	return why, err
}

// Receive makes the volumes of an instance whose guest comes here while it runs: it copies what the guest
// only reads, and creates what the guest's host fills. The caller removes what there is after an error.
func (p *Provisioner) Receive(ctx context.Context, c Cargo, from *Provisioner) error {
	for _, part := range c.parts {
		provide, doing := p.fill, "copying"
		if c.sent(part) {
			provide, doing = p.empty, "creating"
		}
		if err := provide(ctx, c, from, part); err != nil {
			return fmt.Errorf("%s volume %q of pool %q on %s: %w", doing, part.volume, part.pool, from.host.URI(), err)
		}
	}
	return nil
}

// empty creates the volume of a disk without what the guest has written.
func (p *Provisioner) empty(ctx context.Context, c Cargo, from *Provisioner, of part) error {
	pool, err := p.poolFor(ctx, of)
	if err != nil {
		return err
	}
	original, err := from.host.Volume(ctx, of.pool, of.volume)
	if err != nil {
		return err
	}
	spec := host.VolumeSpec{Name: of.volume, Format: of.format}
	if spec.Capacity, err = original.DiskSize(of.format); err != nil {
		return err
	}
	if of.over {
		if spec.Backing, err = p.below(ctx, c); err != nil {
			return err
		}
	}
	return step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := p.host.CreateVolume(ctx, pool.Name, spec)
		return err
	})
}

// Depart sends a guest that runs from this host, of a name, to that of another provisioner, and waits until
// it is there. After an error it may be there all the same, or get there: see Passage.
func (p *Provisioner) Depart(ctx context.Context, c Cargo, name string, to *Provisioner, peer host.Peer) error {
	defer p.forget()
	defer to.forget()
	driver, err := p.kinds.of(c.Instance.Type)
	if err != nil {
		return err
	}
	receiver, err := to.kinds.of(c.Instance.Type)
	if err != nil {
		return err
	}
	uuid := c.Instance.UUID
	m := host.Migration{To: peer}
	if m.Definition, err = receiver.Domains().Definition(ctx, uuid); err != nil {
		return err
	}
	if m.Relocation, err = to.relocation(ctx, c, name, true); err != nil {
		return err
	}
	for _, part := range c.parts {
		if c.sent(part) {
			m.Disks = append(m.Disks, part.target)
		}
	}
	if c.Instance.Autostart { // nothing but a person shall start it here once it is away
		if err := driver.Domains().SetAutostart(ctx, uuid, false); err != nil {
			return err
		}
	}
	return p.host.Migrate(ctx, uuid, m)
}

// Passage returns what a guest does on this host that is, or was, moved while it runs. arrived says that the
// host has taken it over at some time. Without a domain, it is off.
func (p *Provisioner) Passage(ctx context.Context, uuid string) (at host.Passage, arrived bool, err error) {
	off := host.Passage{State: host.StateShutoff}
	if at, err = p.host.Passage(ctx, uuid); errors.Is(err, host.ErrNoDomain) {
		return off, false, nil
	}
	if err != nil {
		return at, false, err
	}
	_, domain, err := p.kinds.definition(ctx, uuid)
	if errors.Is(err, host.ErrNoDomain) {
		return off, false, nil
	}
	if err != nil {
		return at, false, err
	}
	facts, err := p.factsOf(domain)
	return at, facts.Arrived, err
}

// GiveUp has the host give up sending a guest.
func (p *Provisioner) GiveUp(ctx context.Context, uuid string) error {
	err := p.host.AbortMigration(ctx, uuid)
	if errors.Is(err, host.ErrOperationInvalid) || errors.Is(err, host.ErrNoDomain) { // it is over
		return nil
	}
	return err
}

// Stay lets a guest go on that has stayed on this host.
func (p *Provisioner) Stay(ctx context.Context, uuid string) error {
	at, err := p.host.Passage(ctx, uuid)
	if err != nil || !at.Halted {
		return err
	}
	defer p.forget()
	return p.host.ResumeDomain(ctx, uuid)
}

// Unmoved brings an instance whose guest has stayed on this host back to how it was before a live move.
func (p *Provisioner) Unmoved(ctx context.Context, i kind.Instance) error {
	defer p.forget()
	driver, err := p.kinds.of(i.Type)
	if err == nil && i.Autostart {
		err = driver.Domains().SetAutostart(ctx, i.UUID, true)
	}
	return err
}
