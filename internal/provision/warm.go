package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// snapshotBlueprint is the guest that the warm snapshot of a version is made of: as the version
// describes it, with the defaults of its parameters. The version asks for a snapshot.
func snapshotBlueprint(driver kind.Driver, v catalog.Version) kind.Blueprint {
	b := kind.Blueprint{Type: driver.Type(), Version: v}
	b.Parameters, _ = parameter.Resolve(v.Spec.Parameters, parameter.Given{})
	hardware, storage := kind.Driven(v.Spec, b.Parameters)
	b.Hardware, b.NICs = v.Warm.Hardware.Over(hardware), v.Spec.Network.NICs()
	b.Drives = storage.Drives()[:1]
	if b.Drives[0].Size == 0 {
		b.Drives[0].Size = uint64(v.VirtualSize)
	}
	_ = driver.Decide(kind.Request{Seeded: true}, &b, false) // it was told nothing that could be wrong
	return b
}

// CheckWarm reports why the snapshot that a version asks for cannot be made; paths start at warm. It
// asks no host.
func (p *Planner) CheckWarm(template catalog.Template, v catalog.Version) finding.List {
	at := finding.At("warm")
	if v.Warm == nil {
		return nil
	}
	driver, err := p.kinds.of(template.Type)
	if err != nil {
		return finding.List{{Path: at, Summary: "Unknown type of template", Detail: finding.Sentence(err) +
			" Upgrade the provider, or leave it out."}}
	}
	if !driver.Capabilities().Resume {
		return finding.List{{Path: at, Summary: "Not supported by this type of template", Detail: fmt.Sprintf(
			"Instances of templates of the type %q cannot be resumed: leave it out.", driver.Type())}}
	}
	var fs finding.List
	for _, f := range driver.CheckWarm(snapshotBlueprint(driver, v)) {
		f.Path = append(finding.At("warm"), f.Path...)
		fs = append(fs, f)
	}
	return fs
}

// checkResume reports why the guest of a blueprint that is to be resumed never can be. It asks no host.
func checkResume(driver kind.Driver, r kind.Request, b kind.Blueprint) finding.List {
	var fs finding.List
	strategy := finding.At("strategy")
	switch v := b.Version; {
	case driver.Capabilities().Fresh:
	case !driver.Capabilities().Resume:
		fs.Add(strategy, "Not supported by this type of template", fmt.Sprintf("Instances of templates of the type %q "+
			"cannot be resumed: use another strategy.", driver.Type()))
	case !r.Running:
		fs.Add(finding.At("power_state"), "Resumed guests run", fmt.Sprintf("With strategy %q, the instance is a "+
			"guest that runs at once: start it, or use another strategy, such as linked_clone.", b.Strategy))
	case v.Warm == nil && r.OnNoWarm == kind.NoWarmFail:
		fs.Add(strategy, "No warm snapshot", noWarm(v)+" Or use another strategy, or set on_no_warm to \"boot\".")
	case v.Warm != nil:
		fs = append(fs, driver.CheckShape(b, snapshotBlueprint(driver, v))...)
	}
	return fs
}

func noWarm(v catalog.Version) string {
	return fmt.Sprintf("Version %q has no warm snapshot: set `warm` on it.", v.ID)
}

// snapshotRequest asks for the snapshot of a version on this host.
func snapshotRequest(ctx context.Context, driver kind.Driver, v catalog.Version) (warm.Request, error) {
	shape, err := driver.Shape(ctx, snapshotBlueprint(driver, v))
	if err != nil {
		return warm.Request{}, err
	}
	engine, err := driver.Engine(ctx)
	return warm.Request{
		Version: v.ID, Digest: v.Digest, Shape: shape, Warm: *v.Warm, Engine: engine, Kept: kind.Kept,
	}, err
}

// Snapshot is the warm snapshot of a version, as far as its users see it.
type Snapshot struct {
	catalog.Snapshot
	// Unusable says why nothing can be resumed from it now, as the end of a sentence; "" if instances
	// can.
	Unusable string
}

// Snapshot reads the warm snapshot of a version that asks for one. It returns catalog.ErrNotFound if
// there is none yet. It makes no request for anything else that a plan has read before.
func (p *Planner) Snapshot(ctx context.Context, v catalog.Version) (Snapshot, error) {
	r, err := p.wanted(ctx, v)
	if err != nil {
		return Snapshot{}, err
	}
	return p.read(ctx, r)
}

// wanted asks for the snapshot of a version, as far as the running plan knows the version's
// template.
func (p *Planner) wanted(ctx context.Context, v catalog.Version) (warm.Request, error) {
	template, _, err := p.library.Planned(ctx, v.ID.Template)
	if err != nil {
		return warm.Request{}, err
	}
	driver, err := p.kinds.of(template.Type)
	if err != nil {
		return warm.Request{}, err
	}
	return snapshotRequest(ctx, driver, v)
}

func (p *Planner) read(ctx context.Context, r warm.Request) (Snapshot, error) {
	s, err := p.library.Images.Warm().Snapshot(ctx, r.Key())
	if err == nil && s.State == catalog.SnapshotRemoving {
		err = catalog.ErrNotFound
	}
	return Snapshot{s, s.Unusable(r.Engine)}, err
}

// sighting is a snapshot as it was seen by a plan.
type sighting struct {
	Snapshot
	there bool
}

// sightingAge is how old a sighting may be, so that a plan of many instances looks once.
const sightingAge = 2 * time.Second

// look looks at the snapshot that instances of a version are to be resumed from.
func (p *Planner) look(ctx context.Context, v catalog.Version) (sighting, error) {
	r, err := p.wanted(ctx, v)
	if err != nil {
		return sighting{}, err
	}
	return p.sightings.Get(ctx, r.Key(), func() (sighting, error) {
		s, err := p.read(ctx, r)
		return sighting{s, err == nil}, catalog.IgnoreNotFound(err)
	})
}

// driverOf is the driver of the kind of a template's instances.
func (p *Planner) driverOf(ctx context.Context, id catalog.TemplateID) (kind.Driver, error) {
	template, err := p.library.Template(ctx, id)
	if err != nil {
		return nil, err
	}
	return p.kinds.of(template.Type)
}

// WarnResume says what becomes of an instance that is to be resumed, if it cannot be as things are, or
// if its host has too little memory for all that are; the zero finding otherwise, or if its strategy
// boots it anyway. fails says that there will be no instance.
func (p *Planner) WarnResume(
	ctx context.Context, r kind.Request, b kind.Blueprint,
) (warning finding.Finding, fails bool, err error) {
	how, err := strategy.Of(b.Strategy)
	if err != nil || !how.Resumes() {
		return finding.Finding{}, false, err
	}
	driver, err := p.kinds.of(b.Type)
	if err != nil || !driver.Capabilities().Resume {
		return finding.Finding{}, false, err
	}
	fails = r.OnNoWarm == kind.NoWarmFail
	say := func(why string) finding.Finding {
		instead := "The guest will boot instead, as that of a linked clone."
		if fails {
			instead = "Set on_no_warm to \"boot\" to boot the guest instead, or use another strategy."
		}
		return finding.Finding{
			Path: finding.At("strategy"), Summary: "Guest cannot be resumed", Detail: why + " " + instead,
		}
	}
	if b.Version.Warm == nil {
		return say(noWarm(b.Version)), fails, nil
	}
	s, err := p.look(ctx, b.Version)
	switch {
	case err != nil:
		return finding.Finding{}, false, catalog.IgnoreNotFound(err)
	case p.library.Plan.Remakes(b.Version.ID): // before the instance is created
		return finding.Finding{}, false, nil
	case s.there && s.State == catalog.SnapshotReady && s.Unusable != "":
		return finding.Finding{
			Path: finding.At("strategy"), Summary: "Warm snapshot is made again first",
			Detail: finding.Sentence(fmt.Errorf("the warm snapshot of version %q cannot be used, because %s. The "+
				"create makes it again, which takes longer than a boot", b.Version.ID, s.Unusable)),
		}, false, nil
	case s.there && s.State == catalog.SnapshotReady:
		f, err := p.warnMemory(ctx, r.Name, s.MemorySize)
		return f, false, err
	case !s.there || s.State != catalog.SnapshotFailed: // the create makes it, or waits for it
		return finding.Finding{}, false, nil
	}
	return say(finding.Sentence(fmt.Errorf("the warm snapshot of version %q cannot be used, because %s", b.Version.ID,
		s.Unusable))), fails, nil
}

// NeedsBoot warns of what an instance that is to be resumed asks of its guest, and has its effect
// only while a guest boots. There is none for other instances.
func (p *Planner) NeedsBoot(b kind.Blueprint) finding.List {
	how, err := strategy.Of(b.Strategy)
	if err == nil && how.Resumes() {
		if driver, err := p.kinds.of(b.Type); err == nil && driver.Capabilities().Resume {
			return driver.NeedsBoot(b)
		}
	}
	return nil
}

// Warm makes sure that a version that asks for a warm snapshot has one, and no other one of this host.
// A snapshot that cannot be made is no error: it is in the state failed, and says why. One that failed
// before, or cannot be used any more, is made again.
func (p *Provisioner) Warm(ctx context.Context, v catalog.Version) (Snapshot, error) {
	store := p.library.Images.Warm()
	if v.Warm == nil {
		return Snapshot{}, p.library.ReleaseWarm(ctx, v.ID)
	}
	driver, err := p.driverOf(ctx, v.ID.Template)
	if err != nil {
		return Snapshot{}, err
	}
	r, err := snapshotRequest(ctx, driver, v)
	if err != nil {
		return Snapshot{}, err
	}
	if p.library.Spread() { // the snapshot is to stand on the image
		if _, err := p.sources.image(ctx, v); err != nil {
			return Snapshot{}, err
		}
	}
	r.Remake, r.Patient = true, true
	s, err := store.Make(ctx, r, p.maker(driver, v))
	if err != nil && s.State != catalog.SnapshotFailed {
		return Snapshot{}, err
	}
	return Snapshot{s, s.Unusable(r.Engine)}, nil
}

// maker makes snapshots of a version.
func (p *Provisioner) maker(driver kind.Driver, v catalog.Version) warm.Maker {
	return func(ctx context.Context, claimed catalog.Snapshot) (catalog.Snapshot, error) {
		blueprint := snapshotBlueprint(driver, v)
		if wrong := driver.CheckWarm(blueprint); len(wrong) > 0 {
			return claimed, wrong
		}
		image, err := p.sources.image(ctx, v)
		if err != nil {
			return claimed, err
		}
		pool, err := p.sources.pool(ctx, p.library.Pool())
		if err != nil {
			return claimed, err
		}
		return driver.MakeSnapshot(ctx, kind.SnapshotBuild{
			Snapshot:  claimed,
			Warm:      *v.Warm,
			Blueprint: blueprint,
			Image:     kind.Image{Volume: image.volume, Format: image.base.Format},
			Pool:      pool,
		})
	}
}
