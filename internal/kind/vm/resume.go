package vm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
	"github.com/novacron/terraform-provider-novacron/internal/guest/resume"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// resuming is how many guests of one process are resumed at once. Each needs a copy of its memory
// meanwhile, if the pool's file system cannot share it.
const resuming = 4

// defineResumed defines the domain of a build as the snapshot's guest was defined, with an identity of
// its own. The memory needs the same machine, so nothing else changes. defined is false for a guest
// that boots instead.
func (b *build) defineResumed(ctx context.Context) (defined bool, err error) {
	id := b.identity()
	definition, err := b.definition(ctx, id)
	if err != nil {
		return false, b.instead(ctx, err, true)
	}
	return true, step.Uninterrupted(ctx, func(ctx context.Context) (err error) {
		b.Defined, err = b.driver.host.DefineAs(ctx, definition, id)
		return err
	})
}

// identity is that of the build's guest.
func (b *build) identity() host.Identity {
	description, _ := metadata.Described(b.Request.Description)
	system := b.Blueprint.Drives[0]
	return host.Identity{
		Name:        naming.Domain(b.Tenant, b.Request.Name),
		UUID:        b.UUID,
		Description: description,
		Metadata:    b.Metadata,
		GenID:       kind.RandomUUID(),
		CPU:         PartOf(b.Blueprint).Machine.CPU,
		Disks:       map[string]string{system.Name: b.Homes[0].Path + "/" + b.diskVolume(system)},
		Seed:        b.volumePath(naming.Seed(b.Tenant, b.Request.Name)),
		ConsoleLog:  b.volumePath(naming.Console(b.Tenant, b.Request.Name)),
		Interfaces:  device.InterfaceSpecs(b.Blueprint.NICs),
	}
}

// definition is the definition of a guest with an identity that has the snapshot's memory. It also sets
// the head for that memory.
func (b *build) definition(ctx context.Context, id host.Identity) (definition string, err error) {
	memory := naming.WarmMemory(b.Resume.Snapshot.Stem)
	head, err := b.driver.heads.Get(ctx, memory, func() ([]byte, error) {
		return b.driver.memoryHead(ctx, b.Pool.Name, memory)
	})
	if err != nil {
		return "", err
	}
	b.Resume.Head, definition, err = b.driver.host.MemoryHeadAs(head, id)
	return definition, err
}

// resumeStages are the stages of a build whose guest is resumed, after the volumes exist.
func (b *build) resumeStages() []kind.Stage {
	return []kind.Stage{
		{Name: "resume", Do: b.resume},
		{Name: "devices", Do: b.plugMore},
		{Name: "personalise", Do: b.personalise},
	}
}

// instead has the guest boot that could not be resumed because of an error. The error remains if the
// guest may not boot, or if its user has cancelled it.
func (b *build) instead(ctx context.Context, cause error, faulty bool) error {
	if ctx.Err() != nil {
		return cause
	}
	if err := b.Resume.Instead(ctx, cause, faulty); err != nil {
		return err
	}
	b.Resume = nil
	return nil
}

// resume resumes the guest, and makes it another one than that of the snapshot. A guest that cannot be
// resumed boots instead.
func (b *build) resume(ctx context.Context) error {
	if b.Resume == nil { // the disk shows it already
		return b.start(ctx)
	}
	var err error
	if b.Before.Leases, err = b.driver.networks.LeasesBefore(ctx, b.Configured()); err != nil {
		return err
	}
	faulty, err := b.revive(ctx)
	if err == nil {
		faulty, err = true, b.identify(ctx)
	}
	if err == nil {
		return nil
	}
	more := b.more()
	if err := b.instead(ctx, err, faulty); err != nil {
		return err
	}
	return b.bootInstead(ctx, more)
}

// revive runs the guest from a copy of the snapshot's memory, which it deletes afterwards. faulty says of
// an error that the snapshot may be to blame.
func (b *build) revive(ctx context.Context) (faulty bool, err error) {
	select {
	case b.driver.resuming <- struct{}{}:
		defer func() { <-b.driver.resuming }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	pool, h := b.Pool.Name, b.driver.host
	memory := naming.ResumedMemory(b.Tenant, b.Request.Name)
	// Without an error: what is left goes with the instance.
	defer func() { _ = b.dropMemory(ctx) }()
	err = b.CreateOver(ctx, b.driver.volumes, pool, memory, func() error {
		return h.CopyVolume(ctx, pool, memory, naming.WarmMemory(b.Resume.Snapshot.Stem))
	})
	if err != nil {
		return errors.Is(err, host.ErrNoVolume), err
	}
	if err := h.WriteVolume(ctx, pool, memory, b.Resume.Head); err != nil {
		return false, err
	}
	return true, b.driver.resumed(ctx, b.UUID, h.ResumeMemory(ctx, b.volumePath(memory)))
}

// dropMemory deletes the copy of the snapshot's memory, and tries twice.
func (b *build) dropMemory(ctx context.Context) error {
	drop := func(ctx context.Context) error {
		return b.driver.volumes.Remove(ctx, b.Pool.Name, naming.ResumedMemory(b.Tenant, b.Request.Name))
	}
	err := step.Completed(ctx, drop)
	if err != nil {
		err = step.Completed(ctx, drop)
	}
	return err
}

// resumed is the error of a guest that was to be resumed: none if it runs although the answer was
// lost. A guest that is being resumed is paused.
func (d *Driver) resumed(ctx context.Context, uuid string, err error) error {
	if !host.Unanswered(err) {
		return err
	}
	for {
		state, unknown := d.host.DomainState(ctx, uuid)
		switch {
		case unknown != nil:
			return errors.Join(err, unknown)
		case state == host.StateRunning:
			return nil
		case state != host.StatePaused:
			return err
		}
		if pause := kind.Pause(ctx, kind.Poll); pause != nil {
			return err
		}
	}
}

// agentWithin is how long the agent of a guest may take to answer that was resumed.
const agentWithin = time.Minute

// identify makes the guest another one than that of the snapshot. Until then it has no connection.
func (b *build) identify(ctx context.Context) error {
	a, err := b.resumedAgent(ctx)
	if err != nil {
		return err
	}
	now, err := b.driver.host.Time(ctx, b.Pool.Name)
	if err != nil {
		return err
	}
	person, facts, err := b.person()
	if err != nil {
		return err
	}
	var entropy [resume.EntropySize]byte
	_, _ = rand.Read(entropy[:]) // never fails
	script, err := person.Identify(facts, entropy[:], now)
	if err != nil {
		return err
	}
	return b.script(ctx, a, "taking an identity of its own", script)
}

// resumedAgent is the agent of the guest, once it answers.
func (b *build) resumedAgent(ctx context.Context) (*agent.Agent, error) {
	a := b.driver.waiter.Agent(b.UUID)
	within, cancel := context.WithTimeout(ctx, agentWithin)
	defer cancel()
	for {
		err := a.Ping(within)
		if err == nil {
			return a, nil
		}
		if pause := kind.Pause(within, kind.Poll); pause != nil {
			return nil, err
		}
	}
}

// script runs a script in the guest, once more if the answer was lost.
func (b *build) script(ctx context.Context, a *agent.Agent, doing, script string) error {
	result, err := a.Script(ctx, script)
	if host.Unanswered(err) && ctx.Err() == nil {
		result, err = a.Script(ctx, script)
	}
	if err == nil && result.ExitCode != 0 {
		err = errors.New(said(result))
	}
	if err != nil {
		return fmt.Errorf("the guest failed at %s: %w", doing, err)
	}
	return nil
}

// person is who the guest becomes, and what the guest has for that.
func (b *build) person() (resume.Person, resume.Facts, error) {
	facts, err := resume.ParseFacts(b.Resume.Snapshot.Guest)
	return resume.Person{
		UUID:     b.UUID,
		Seed:     PartOf(b.Blueprint).Seed(b.Blueprint, b.UUID, b.Request.Name),
		Commands: b.Resume.Warm.ResumeCommands,
	}, facts, err
}

// plugMore gives the guest the disks and cards that the snapshot's does not have, and its system disk
// the size that was asked for.
func (b *build) plugMore(ctx context.Context) error {
	if b.Resume == nil {
		return nil
	}
	system := b.Blueprint.Drives[0]
	if has := b.Resume.Snapshot.Shape.Disk.Size; system.Size > has {
		target := device.Spec(system, 0, "", "").Target
		err := step.Completed(ctx, func(ctx context.Context) error {
			return b.driver.host.ResizeDomainDisk(ctx, b.UUID, target, system.Size)
		})
		if err != nil {
			return err
		}
	}
	more := b.more()
	if len(more.AddNICs) > 0 {
		err := b.script(ctx, b.driver.waiter.Agent(b.UUID), "finding its interfaces", resume.Connect())
		if err != nil {
			return err
		}
	}
	return b.driver.devices.Change(ctx, b.instance(), more)
}

// instance is the instance as far as changes of its devices need it.
func (b *build) instance() kind.Instance {
	return kind.Instance{UUID: b.UUID, Facts: metadata.Facts{Tenant: b.Tenant, Name: b.Request.Name}}
}

// more are the disks and cards of the blueprint that the snapshot's guest does not have. The volumes of
// the disks exist.
func (b *build) more() kind.Devices {
	var more kind.Devices
	for i, drive := range b.Blueprint.Drives {
		if !drive.System {
			more.AddDisks = append(more.AddDisks, kind.NewDisk{
				Spec: b.diskSpecs()[i], Pool: b.Homes[i].Name, Has: drive.Size, Size: drive.Size,
			})
		}
	}
	has := map[string]bool{}
	for _, card := range b.Resume.Snapshot.Shape.Interfaces {
		has[card.Name] = true
	}
	for _, nic := range b.Blueprint.NICs {
		if !has[nic.Name] {
			more.AddNICs = append(more.AddNICs, nic)
		}
	}
	return more
}

// personalise connects the guest, and has it do what it was told to do.
func (b *build) personalise(ctx context.Context) error {
	if b.Resume == nil {
		return nil
	}
	person, facts, err := b.person()
	if err != nil {
		return err
	}
	script, _, err := person.Personalise(facts)
	if err != nil {
		return err
	}
	return b.script(ctx, b.driver.waiter.Agent(b.UUID), "becoming the instance", script)
}

// bootInstead boots a guest that could not be resumed from the image of its version. Its definition has
// what the snapshot's guest had, and gets what more there is to it.
func (b *build) bootInstead(ctx context.Context, more kind.Devices) error {
	err := step.Completed(ctx, func(ctx context.Context) error {
		return b.driver.host.DestroyDomain(ctx, b.UUID)
	})
	if err != nil {
		return err
	}
	if err := b.diskInstead(ctx, more); err != nil {
		return err
	}
	return b.start(ctx)
}

// diskInstead replaces the system disk by one that stands on the image, and defines what more there is to
// the guest than the snapshot's had.
func (b *build) diskInstead(ctx context.Context, more kind.Devices) error {
	if err := b.driver.volumes.Remove(ctx, b.Homes[0].Name, b.diskVolume(b.Blueprint.Drives[0])); err != nil {
		return err
	}
	if err := b.makeBootable(ctx); err != nil {
		return err
	}
	return b.driver.devices.Change(ctx, b.instance(), more)
}
