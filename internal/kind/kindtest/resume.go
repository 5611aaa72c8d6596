package kindtest

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// resumes expects guests to be resumed as instances, from a snapshot that stays as it is. A guest that
// cannot be resumed boots, or is not created.
func resumes(i *instance) {
	if !i.Driver.Capabilities().Resume {
		return
	}
	i.Image = i.Resumable()
	s := i.snapshot()
	parts := i.partsOf(s)
	i.resumed(s)
	i.undone(s)
	if now := i.partsOf(s); !slices.Equal(now, parts) {
		i.Errorf("of the snapshot's volumes %q there are %q", parts, now)
	}
	i.done(i.Host.DeleteVolume(i.ctx, i.Pool.Name, naming.WarmMemory(s.Stem)))
	i.bootedInstead(s)
	i.neitherWay(s)
}

// ofSnapshot is a request for an instance that is resumed.
func (i *instance) ofSnapshot() kind.Request {
	r := i.request()
	r.Strategy, r.Hardware = "instantiate", &profile.Hardware{MemoryMB: new(int64(128))}
	return r
}

// snapshot is one that instances are resumed from.
func (i *instance) snapshot() catalog.Snapshot {
	i.Helper()
	asked := i.blueprint(i.ofSnapshot())
	b := asked
	b.Drives = b.Drives[:1]
	if wrong := append(i.Driver.CheckWarm(b), i.Driver.CheckShape(asked, b)...); len(wrong) > 0 {
		i.Errorf("no snapshot can be made, or instances differ from it: %v", wrong)
	}
	if wrong := i.Driver.CheckShape(i.blueprint(i.request()), b); len(wrong) == 0 {
		i.Error("a guest with less memory could be resumed")
	}
	shape, err := i.Driver.Shape(i.ctx, b)
	i.done(err)
	s := catalog.Snapshot{Stem: naming.NewWarmStem(), Shape: shape}
	i.Cleanup(func() { i.removeSnapshot(s) })
	s, err = i.Driver.MakeSnapshot(i.ctx, kind.SnapshotBuild{Snapshot: s, Blueprint: b, Image: i.Image, Pool: i.Pool})
	i.done(err)
	if engine, err := i.Driver.Engine(i.ctx); err != nil || s.Engine != engine || s.MemorySize == 0 || s.Guest == "" {
		i.Errorf("the snapshot is %+v, and the host has %+v, %v", s, engine, err)
	}
	if _, err := i.Driver.Domains().DomainByName(i.ctx, s.Stem); !errors.Is(err, host.ErrNoDomain) {
		i.Errorf("the guest that was saved is left: %v", err)
	}
	want := []string{naming.WarmDisk(s.Stem), naming.WarmMemory(s.Stem)}
	if parts := i.partsOf(s); !slices.Equal(parts, want) {
		i.Errorf("its volumes are %q, want %q", parts, want)
	}
	return s
}

// partsOf are the volumes of a snapshot.
func (i *instance) partsOf(s catalog.Snapshot) []string {
	i.Helper()
	ctx := context.WithoutCancel(i.ctx)
	i.done(i.Host.RefreshPool(ctx, i.Pool.Name))
	all, err := i.Host.VolumeNames(ctx, i.Pool.Name)
	i.done(err)
	parts := slices.DeleteFunc(all, func(name string) bool { return !naming.IsOfStem(s.Stem, name) })
	slices.Sort(parts)
	return parts
}

// removeSnapshot removes what is left of a snapshot.
func (i *instance) removeSnapshot(s catalog.Snapshot) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.ctx), time.Minute)
	defer cancel()
	if d, err := i.Driver.Domains().DomainByName(ctx, s.Stem); err == nil {
		i.done(i.Driver.Stop(ctx, d.UUID, 0))
		i.done(i.Driver.Domains().UndefineDomain(ctx, d.UUID))
	}
	for _, name := range i.partsOf(s) {
		i.done(i.Host.DeleteVolume(ctx, i.Pool.Name, name))
	}
}

// insteads are the calls of kind.Resume.Instead.
type insteads struct {
	refused error // what they return
	calls   int
	faulty  bool // of the last one
}

// definedAs is an instance that is to be resumed, as far as Define makes it.
func (i *instance) definedAs(s catalog.Snapshot, seen *insteads) *kind.Build {
	i.Helper()
	disk, err := i.Host.Volume(i.ctx, i.Pool.Name, naming.WarmDisk(s.Stem))
	i.done(err)
	b := i.build(i.ofSnapshot())
	b.Resume = &kind.Resume{Snapshot: s, Disk: disk, Instead: func(_ context.Context, _ error, faulty bool) error {
		seen.calls, seen.faulty = seen.calls+1, faulty
		return seen.refused
	}}
	b.ChooseMACs()
	i.define(b)
	return b
}

// standsOn expects an instance of two disks that runs, whose system disk stands on a volume, and that
// has no memory in the pool.
func (i *instance) standsOn(b *kind.Build, below string) {
	i.Helper()
	made := i.read()
	if !made.Healthy() || made.UUID != b.UUID || made.DomainName != naming.Domain(i.Tenant, i.name) ||
		made.MACs()["eth0"] != b.Blueprint.NICs[0].MAC || len(made.Disks) != 2 {
		i.Fatalf("it is %+v", made)
	}
	i.done(i.Host.RefreshPool(i.ctx, i.Pool.Name))
	system, err := i.Host.Volume(i.ctx, i.Pool.Name, path.Base(made.Disks[0].Path))
	if err != nil || system.Backing == nil || system.Backing.Path != below {
		i.Errorf("its system disk is %+v, on %+v, %v; want one on %s", system, system.Backing, err, below)
	}
	if volumes := i.volumes(); slices.Contains(volumes, naming.ResumedMemory(i.Tenant, i.name)) {
		i.Errorf("a copy of the memory is left: %q", volumes)
	}
}

// resumed expects an instance that is resumed to be as one that was booted, and to boot later.
func (i *instance) resumed(s catalog.Snapshot) {
	var seen insteads
	b := i.definedAs(s, &seen)
	i.completes(b)
	if seen.calls > 0 {
		i.Error("it was booted")
	}
	i.standsOn(b, i.Pool.Path+"/"+naming.WarmDisk(s.Stem))
	i.same("resumed", b.Blueprint)
	i.done(i.Driver.Stop(i.ctx, i.uuid, 0))
	_, err := i.Driver.Start(i.ctx, i.read())
	i.done(err)
	if now := i.read(); !now.Healthy() {
		i.Errorf("after a boot, it is %s", now.State)
	}
	i.same("booted later", b.Blueprint)
	i.again()
}

// again makes room for another instance of the same name.
func (i *instance) again() {
	i.remove()
	i.uuid = ""
}

// undone expects a build that fails after any of its stages to leave nothing.
func (i *instance) undone(s catalog.Snapshot) {
	for fails := 0; ; fails++ {
		var seen insteads
		b := i.definedAs(s, &seen)
		stages := i.Driver.Stages(b)
		if fails == len(stages) {
			i.again()
			return
		}
		for _, stage := range stages[:fails+1] {
			i.done(b.Do(i.ctx, stage.Name, stage.Do))
		}
		i.endsWithNothing(b, "after stage "+stages[fails].Name)
		if seen.calls > 0 {
			i.Errorf("after stage %s: it was booted", stages[fails].Name)
		}
	}
}

// endsWithNothing ends a build that has failed, and expects nothing to be left.
func (i *instance) endsWithNothing(b *kind.Build, when string) {
	i.Helper()
	failed := errors.New("no")
	if err := b.End(i.ctx, failed); err.Error() != failed.Error() {
		i.Errorf("undoing %s: %v", when, err)
	}
	if left := i.volumes(); len(left) > 0 {
		i.Errorf("%s it left %q", when, left)
	}
	i.again()
}

// bootedInstead expects a guest whose memory is gone to boot from the image, with all that was asked
// for.
func (i *instance) bootedInstead(s catalog.Snapshot) {
	var seen insteads
	b := i.definedAs(s, &seen)
	i.completes(b)
	if seen.calls != 1 || !seen.faulty || b.Resume != nil {
		i.Errorf("that the guest boots was decided %d times; the snapshot is to blame: %t", seen.calls, seen.faulty)
	}
	i.standsOn(b, i.Image.Volume.Path)
	i.same("booted instead", b.Blueprint)
	i.again()
}

// neitherWay expects a guest whose memory is gone and that must not boot to fail, and to leave
// nothing.
func (i *instance) neitherWay(s catalog.Snapshot) {
	seen := insteads{refused: errors.New("it must not boot")}
	b := i.definedAs(s, &seen)
	var err error
	for _, stage := range i.Driver.Stages(b) {
		if err = b.Do(i.ctx, stage.Name, stage.Do); err != nil {
			break
		}
	}
	if !errors.Is(err, seen.refused) || i.read().Running() {
		i.Errorf("it ended with %v, and runs: %t", err, i.read().Running())
	}
	i.endsWithNothing(b, "where it must not boot")
}
