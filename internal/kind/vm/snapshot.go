package vm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/guest/agent"
	"github.com/novacron/terraform-provider-novacron/internal/guest/resume"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// snapshot is a warm snapshot that is being made.
type snapshot struct {
	kind.SnapshotBuild
	*Driver
	uuid string
	nics []host.InterfaceSpec
}

// MakeSnapshot implements kind.Resumer. The guest boots with a seed that belongs to no instance, so its
// memory does not identify it. Its cards have no carrier, so no other machine can reach it.
func (d *Driver) MakeSnapshot(ctx context.Context, b kind.SnapshotBuild) (catalog.Snapshot, error) {
	s := &snapshot{SnapshotBuild: b, Driver: d, uuid: kind.RandomUUID()}
	for _, stage := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"disks", s.makeVolumes},
		{"start", s.start},
		{"boot", s.boot},
		{"seal", s.seal},
		{"settle", s.settle},
		{"save", s.save},
	} {
		if err := stage.do(ctx); err != nil {
			return catalog.Snapshot{}, fmt.Errorf("making a warm snapshot, step %s: %w", stage.name, err)
		}
	}
	return s.Snapshot, nil
}

func (s *snapshot) path(volume string) string { return s.Pool.Path + "/" + volume }

// makeVolumes creates the disk, the seed and the console.
func (s *snapshot) makeVolumes(ctx context.Context) error {
	seed, err := resume.Seed("novacron-" + strings.TrimPrefix(s.Snapshot.Stem, "nova."))
	if err != nil {
		return err
	}
	iso, err := seed.ISO()
	if err != nil {
		return err
	}
	stem, size := s.Snapshot.Stem, uint64(len(iso))
	for _, spec := range []host.VolumeSpec{
		{
			Name: naming.WarmDisk(stem), Format: "qcow2", Capacity: s.Snapshot.Shape.Disk.Size,
			Backing: &host.Backing{Path: s.Image.Volume.Path, Format: s.Image.Format},
		},
		{Name: naming.WarmConsole(stem), Format: "raw"},
		{Name: naming.WarmSeed(stem), Format: "raw", Capacity: size, Allocation: size},
	} {
		err := step.Uninterrupted(ctx, func(ctx context.Context) error {
			_, err := s.host.CreateVolume(ctx, s.Pool.Name, spec)
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.host.WriteVolume(ctx, s.Pool.Name, naming.WarmSeed(stem), iso)
}

// start defines and starts the guest. Its cards have no carrier.
func (s *snapshot) start(ctx context.Context) error {
	stem := s.Snapshot.Stem
	s.nics = device.InterfaceSpecs(s.Blueprint.NICs)
	for i := range s.nics {
		// The addresses of the blueprint are those of an instance.
		s.nics[i].MAC, s.nics[i].FilterIPs, s.nics[i].LinkDown = kind.RandomMAC(), nil, true
	}
	system := device.Spec(s.Blueprint.Drives[0], 0, s.path(naming.WarmDisk(stem)), "qcow2")
	system.Boot = 1
	spec := machineSpec(PartOf(s.Blueprint).Machine, s.Snapshot.Shape.DomainType)
	spec.Name, spec.UUID, spec.GenID = stem, s.uuid, true
	spec.Description = "novacron saves the memory of this guest, and removes it"
	spec.Seed, spec.ConsoleLog = s.path(naming.WarmSeed(stem)), s.path(naming.WarmConsole(stem))
	spec.Disks, spec.Interfaces = []host.DiskSpec{system}, s.nics
	err := step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := s.host.DefineDomain(ctx, spec)
		return err
	})
	if err != nil {
		return err
	}
	return s.startFailed(ctx, step.Completed(ctx, func(ctx context.Context) error {
		return s.host.StartDomain(ctx, s.uuid)
	}))
}

// boot waits until the guest has booted.
func (s *snapshot) boot(ctx context.Context) error {
	return s.waiter.AwaitBoot(ctx, s.uuid, s.Snapshot.Stem)
}

// seal has the guest forget what identifies it, and connects its cards, which it does not use any more.
func (s *snapshot) seal(ctx context.Context) error {
	stdout, err := s.script(ctx, resume.Seal(s.Warm.SealCommands))
	if err != nil {
		return err
	}
	facts, err := resume.ParseFacts(stdout)
	if err != nil {
		return err
	}
	s.Snapshot.Guest = facts.String()
	if err := s.host.EjectSeed(ctx, s.uuid); err != nil {
		return err
	}
	for _, nic := range s.nics {
		if err := s.host.LinkUp(ctx, s.uuid, nic.Name); err != nil {
			return err
		}
	}
	return nil
}

// script runs a script in the guest that may refuse it, and returns what it prints.
func (s *snapshot) script(ctx context.Context, script string) (stdout string, err error) {
	result, err := s.waiter.Agent(s.uuid).Script(ctx, script)
	if err == nil && result.ExitCode != 0 {
		err = fmt.Errorf("the guest cannot be resumed as another one: %s", said(result))
	}
	return result.Stdout, err
}

// said is what a script of the guest said last.
func said(result agent.Result) string {
	const most = 500
	text := strings.TrimSpace(result.Stderr)
	if text == "" {
		return fmt.Sprintf("its script ended with exit status %d", result.ExitCode)
	}
	return strings.ToValidUTF8(text[max(0, len(text)-most):], "")
}

const (
	// idleWindow is the time in which an idle guest uses no more than a twentieth of a processor.
	idleWindow = 2 * time.Second
	// idleAfter is how long a guest may take to become idle. One that never is can be saved as well.
	idleAfter = time.Minute
)

// settle waits until the guest is idle, and then as long as the version asks for. A service may have
// started meanwhile, so whether others could talk to the guest is looked at again, as late as possible.
func (s *snapshot) settle(ctx context.Context) error {
	for begun, last := time.Now(), time.Duration(-1); time.Since(begun) < idleAfter; {
		used, err := s.host.CPUTime(ctx, s.uuid)
		if err != nil {
			return err
		}
		if last >= 0 && used-last < idleWindow/20 {
			break
		}
		last = used
		if err := kind.Pause(ctx, idleWindow); err != nil {
			return err
		}
	}
	if err := kind.Pause(ctx, time.Duration(s.Warm.SettleSeconds)*time.Second); err != nil {
		return err
	}
	_, err := s.script(ctx, resume.Silent())
	return err
}

// save saves the memory, and removes the guest.
func (s *snapshot) save(ctx context.Context) error {
	name := naming.WarmMemory(s.Snapshot.Stem)
	if err := s.host.SaveMemory(ctx, s.uuid, s.path(name)); err != nil {
		return err
	}
	if err := s.host.UndefineDomain(ctx, s.uuid); err != nil {
		return err
	}
	if err := s.host.RefreshPool(ctx, s.Pool.Name); err != nil {
		return err
	}
	memory, err := s.host.Volume(ctx, s.Pool.Name, name)
	if err != nil {
		return err
	}
	disk, err := s.host.Volume(ctx, s.Pool.Name, naming.WarmDisk(s.Snapshot.Stem))
	if err != nil {
		return err
	}
	engine, err := s.Engine(ctx)
	if err != nil {
		return err
	}
	head, err := s.memoryHead(ctx, s.Pool.Name, name)
	if err != nil {
		return err
	}
	saved, err := s.host.MemoryHead(head)
	if err != nil {
		return err
	}
	s.Snapshot.MemorySize, s.Snapshot.DiskSize = int64(memory.Capacity), int64(disk.Allocation)
	s.Snapshot.Machine, s.Snapshot.Engine = saved.Machine, engine
	for _, volume := range []string{naming.WarmSeed(s.Snapshot.Stem), naming.WarmConsole(s.Snapshot.Stem)} {
		if err := s.host.DeleteVolume(ctx, s.Pool.Name, volume); err != nil && !errors.Is(err, host.ErrNoVolume) {
			return err
		}
	}
	return nil
}

// memoryHead reads the head of a file with a guest's memory.
func (d *Driver) memoryHead(ctx context.Context, pool, volume string) ([]byte, error) {
	begin, err := d.host.ReadVolumeAt(ctx, pool, volume, 0, host.MemoryHeadBegins)
	if err != nil {
		return nil, err
	}
	size, err := d.host.MemoryHeadSize(begin)
	if err != nil {
		return nil, fmt.Errorf("volume %q of pool %q: %w", volume, pool, err)
	}
	return d.host.ReadVolumeAt(ctx, pool, volume, 0, int64(size))
}
