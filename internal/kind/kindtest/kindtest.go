// Package kindtest is the contract of kind.Driver as a suite of tests. Every driver runs it, on a
// host in memory and on a real one.
package kindtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Site is a host with a driver to test.
type Site struct {
	Driver kind.Driver
	Host   host.Host
	Pool   host.Pool // the library's
	Image  kind.Image
	Tenant string
	Unique func() string // a name that no instance has yet
	// Container is what containers of the image run; nil for other kinds.
	Container *container.Settings
	// Resumable returns an image whose guests can be resumed. It is asked only for drivers with the
	// capability Resume.
	Resumable func() kind.Image
}

// Run runs the suite; open creates a site for each of its tests.
func Run(t *testing.T, open func(t *testing.T) Site) {
	for name, test := range map[string]func(*instance){
		"Decide":        decides,
		"Define":        defines,
		"Make":          makes,
		"Undo":          undoes,
		"Read":          reads,
		"Overrides":     overrides,
		"Change":        changes,
		"Redefine":      redefines,
		"Power":         powers,
		"Wait":          waits,
		"AnotherImage":  renews,
		"SwapRefused":   keepsItsDisk,
		"Secrets":       forgets,
		"Cancelled":     isCancelled,
		"Collisions":    meetsVolumes,
		"Nothing":       findsNothing,
		"Unconfirmable": confirms,
		"Resume":        resumes,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			i := &instance{T: t, Site: s, ctx: t.Context(), name: s.Unique()}
			t.Cleanup(i.remove)
			test(i)
		})
	}
}

const gibibyte = 1 << 30

// instance is the instance that a test creates.
type instance struct {
	*testing.T
	Site
	ctx  context.Context //nolint:containedctx // the test's
	name string
	uuid string
}

func (i *instance) done(err error) {
	i.Helper()
	if err != nil {
		i.Fatal(err)
	}
}

// request is for an instance with one interface and two disks.
func (i *instance) request() kind.Request {
	return kind.Request{
		Name: i.name, Template: catalog.TemplateID{Tenant: i.Tenant, Name: "t"}, Version: "1.0.0", Strategy: "clone",
		Hardware: &profile.Hardware{MemoryMB: new(int64(64))}, Options: kind.Options{Running: true},
		Container: i.Container,
	}
}

// blueprint is what provision decides about a request, with the driver's part.
func (i *instance) blueprint(r kind.Request) kind.Blueprint {
	i.Helper()
	b := kind.Blueprint{
		Type: i.Driver.Type(), Version: catalog.Version{ID: r.Template.Version(r.Version),
			VirtualSize: int64(i.Image.Volume.Capacity)},
		Strategy: r.Strategy, Hardware: r.Hardware, NICs: (*profile.Network)(nil).NICs(),
		Drives: []profile.Drive{
			{Name: "system", Size: i.systemSize(), System: true, Boot: true}, i.drive("data", gibibyte),
		},
	}
	if i.Container != nil {
		b.Version.Root = &catalog.RootImage{}
	}
	if wrong := i.Driver.Decide(r, &b, true); len(wrong) > 0 {
		i.Fatal(wrong)
	}
	return b
}

// systemSize is the size of a system disk for which a request does not ask for one.
func (i *instance) systemSize() uint64 {
	if i.Driver.Capabilities().Overlay {
		return kind.DefaultOverlay
	}
	return i.Image.Volume.Capacity
}

// drive is a data disk.
func (i *instance) drive(name string, size uint64) profile.Drive {
	d := profile.Drive{Name: name, Size: size}
	if i.Container != nil {
		d.MountPath = "/" + name
	}
	return d
}

// build begins to create an instance.
func (i *instance) build(r kind.Request) *kind.Build {
	i.Helper()
	of, err := strategy.Of(r.Strategy)
	i.done(err)
	b := &kind.Build{
		Work: step.Begin(nil), Request: r, Blueprint: i.blueprint(r), Tenant: i.Tenant, UUID: kind.RandomUUID(),
		Strategy: of, Image: i.Image, Pool: i.Pool, Homes: []host.Pool{i.Pool, i.Pool},
		Confirm: func(context.Context) error { return nil },
	}
	if i.uuid != "" {
		b.UUID = i.uuid
	}
	b.Metadata = i.metadata(b, "1.0.0")
	return b
}

func (i *instance) metadata(b *kind.Build, version string) string {
	i.Helper()
	facts := metadata.Facts{
		Tenant:     i.Tenant,
		Name:       i.name,
		Template:   b.Request.Template.String(),
		Version:    version,
		Strategy:   b.Request.Strategy,
		Customized: b.Blueprint.Customized(true),
		Addressing: metadata.NoteAddressing(b.Blueprint.NICs),
		MACs:       metadata.NoteMACs(b.Blueprint.NICs),
	}
	b.Blueprint.Note(&facts)
	text, err := facts.Marshal()
	i.done(err)
	return text
}

// defined is a domain that is defined.
func (i *instance) defined(r kind.Request) *kind.Build {
	i.Helper()
	b := i.build(r)
	b.ChooseMACs()
	b.Metadata = i.metadata(b, "1.0.0")
	i.define(b)
	return b
}

// define defines the domain of a build.
func (i *instance) define(b *kind.Build) {
	i.Helper()
	i.done(i.Driver.Define(i.ctx, b))
	i.uuid, b.Claimed = b.UUID, true
}

// completes carries out the stages of a build.
func (i *instance) completes(b *kind.Build) {
	i.Helper()
	for _, s := range i.Driver.Stages(b) {
		i.done(b.Do(i.ctx, s.Name, s.Do))
	}
}

// made is an instance that runs.
func (i *instance) made(r kind.Request) (*kind.Build, kind.Instance) {
	i.Helper()
	b := i.defined(r)
	i.completes(b)
	return b, i.read()
}

// read reads the instance as provision does.
func (i *instance) read() kind.Instance {
	i.Helper()
	d, err := i.Driver.Domains().Domain(i.ctx, i.uuid)
	i.done(err)
	facts, err := metadata.Parse(d.Metadata)
	i.done(err)
	read, err := i.Driver.Read(i.ctx, d, facts)
	i.done(err)
	return read
}

// volumes are those of the instance.
func (i *instance) volumes() (names []string) {
	i.Helper()
	ctx := context.WithoutCancel(i.ctx)
	i.done(i.Host.RefreshPool(ctx, i.Pool.Name))
	all, err := i.Host.VolumeNames(ctx, i.Pool.Name)
	i.done(err)
	for _, name := range all {
		if slices.ContainsFunc(naming.InstancePrefixes(i.Tenant, i.name), func(prefix string) bool {
			return strings.HasPrefix(name, prefix)
		}) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// remove removes what is left of the instance as provision does.
func (i *instance) remove() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.ctx), time.Minute)
	defer cancel()
	if i.uuid != "" {
		if err := i.Driver.Stop(ctx, i.uuid, 0); err != nil {
			i.Error(err)
		}
	}
	for _, name := range i.volumes() {
		if err := i.Host.DeleteVolume(ctx, i.Pool.Name, name); err != nil {
			i.Error(err)
		}
	}
	if i.uuid != "" {
		if err := i.Driver.Domains().UndefineDomain(ctx, i.uuid); err != nil && !errors.Is(err, host.ErrNoDomain) {
			i.Error(err)
		}
	}
}

// same expects an instance to be what a blueprint says.
func (i *instance) same(what string, b kind.Blueprint) {
	i.Helper()
	now := i.read()
	diff, wrong, err := i.Driver.Compare(i.ctx, now, b)
	if err != nil || len(wrong) > 0 || diff.Restart() || len(diff.Replaces)+len(diff.Grows) > 0 ||
		!diff.Devices.None() {
		i.Errorf("%s: it differs by %+v, %v, %v", what, diff, wrong, err)
	}
	if drift := i.Driver.Drift(now, b); len(drift) > 0 {
		i.Errorf("%s: it has drifted: %+v", what, drift)
	}
}
