// Package kind is what instances of every kind have in common: what their users ask for, what is
// decided, what their hosts have, and what a driver of a kind does.
package kind

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
)

// Driver creates, reads, changes and stops instances of one kind on one host. kindtest is its
// contract.
//
// An instance of any kind is a domain on one of the host's connections. The domain's name claims
// the instance's name, its metadata are the record of the request, and its volumes have the names
// of package naming. Package provision owns all of that, and the order of the steps. A driver owns
// the contents of the domain and its volumes. This is the life of an instance, with the driver's
// methods in capitals:
//
//   - Planning. A request is laid over the spec of a version. DECIDE adds the part of the blueprint
//     that only the kind understands, without a host. CHECK reports what the host lacks for it.
//   - Creating. DEFINE defines the domain under the name and UUID of the Build, with the build's
//     metadata, and so claims the name. Then the STAGES run one after another: they create the
//     volumes and start the domain. Each records its undo in the build before it leaves something
//     behind. If a stage fails, the undos run in reverse, and the domain is removed last. Then the
//     instance exists for its user, and READY waits until it can be used. FORGET removes secrets
//     from the host that the guest has read.
//   - Resuming. A build with a Resume has the same stages, and a guest that does not boot: MAKESNAPSHOT
//     has saved one of the same SHAPE. If that fails, the guest boots.
//   - Reading. READ turns the definition and state of a domain into an instance, and LOOK adds what is
//     seen of its guest. DRIFT returns the
//     attributes in which it differs from its blueprint, and OVERRIDES what a configuration has to
//     say to get it.
//   - Changing. COMPARE returns what it takes to turn an instance into what a blueprint says. For
//     it, STOP stops a guest that has to be restarted, REDEFINE writes what changes in the
//     definition, APPLY changes devices and disks, START brings the guest up, and READY waits for
//     it. CLEAN removes what an earlier change has left.
//   - Another image. The stages of RENEW create the new system disk beside the old one, stop the
//     guest, and replace what the guest is told. SWAP puts the new disk into the definition, which
//     is the point of no return. The rest is a change.
//   - Moving to another host, if the Capabilities say so. STOP stops the guest. Definition and volumes are
//     copied by their names, without a driver. The rest is a change. If the Capabilities say so, a guest
//     may also run on: its hosts send it.
//   - Removing. STOP stops the guest. Volumes and domain are removed by their names, without a
//     driver.
//
// For everything else, callers ask a driver's Capabilities, and never its type.
type Driver interface {
	// Type is what templates call the kind, such as catalog.TypeVM.
	Type() string
	// Capabilities say what instances of this kind can do.
	Capabilities() Capabilities
	// Domains is the connection to the host that has the domains of this kind, and of no other.
	Domains() host.Domains
	Planner
	Maker
	Reader
	Changer
	Runner
	Resumer
	Mover
}

// Mover is what a move of an instance that is off has to know of its kind. It is used only for drivers
// with the capability Move.
type Mover interface {
	// Provides reports whether a file is one that all instances of the kind share, by its path.
	Provides(path string) bool
	// Provide makes sure that this host has that file, in the library's pool, and returns its path.
	Provide(ctx context.Context, pool host.Pool) (path string, err error)
}

// Capabilities say what instances of a kind can do.
type Capabilities struct {
	// Seed: cloud-init runs in the guest at its first boot, and does what cloud_init and customization
	// say.
	Seed bool
	// Agent: the guest can have an agent that answers the host.
	Agent bool
	// HotPlug: devices and disks come, go and grow while the guest runs.
	HotPlug bool
	// Console: the host keeps what the guest writes to its console, in the volume naming.Console.
	Console bool
	// Rename: the host can rename a domain that is off.
	Rename bool
	// Resume: guests can be resumed from warm snapshots.
	Resume bool
	// Move: definition and volumes are all that there is of an instance that is off, so that another host
	// can have it.
	Move bool
	// Live: the host can send the guest to another host while it runs.
	Live bool
	// Overlay: the system disk lies over the image, so it has any size, and DefaultOverlay if the
	// request does not say. Otherwise it is a copy of the image, or grows from it.
	Overlay bool
	// Reconfigure: the guest is told everything again at each start, so what it is told changes by a
	// restart: its settings, parameters, files and addresses. Otherwise that needs another instance.
	Reconfigure bool
	// Grow: disks grow while the guest runs, also without HotPlug.
	Grow bool
	// Status: the guest reports what its application does, its health and its exit code.
	Status bool
	// Forget: the guest reads its secrets only once, so that Forget can remove them from the host.
	Forget bool
	// Fresh: with a strategy that resumes guests, the guest keeps what it writes in memory, and begins
	// with the image at each start. It excludes Resume.
	Fresh bool
}

// DefaultOverlay is the size of a system disk that lies over its image, if nothing else is asked for,
// in bytes. It takes up only what is written to it.
const DefaultOverlay = 10 << 30

// Planner is what a driver does before anything is created.
type Planner interface {
	// Decide decides the kind's part of a blueprint whose other parts are decided, and reports what is
	// wrong with it. sound says that nothing is wrong with the parameters.
	Decide(r Request, b *Blueprint, sound bool) finding.List
	// Check reports what a blueprint of the instance of that name asks for and the host does not have.
	Check(ctx context.Context, name string, b Blueprint) (finding.List, error)
}

// Maker creates instances.
type Maker interface {
	// Define defines the domain of a build, and does not start it. It sets Defined of the build. It
	// returns host.ErrExists if the name is taken. step.MayBeDone says of another error that the domain
	// may be there all the same.
	Define(ctx context.Context, b *Build) error
	// Stages are the stages that complete a defined instance of a build, in this order.
	Stages(b *Build) []Stage
	// Renew are the stages that prepare another system disk for an instance.
	Renew(b *Build, before Instance) []Stage
	// Swap gives the domain the system disk that Renew has created, and metadata. step.MayBeDone
	// reports of an error that it is not known which disk the domain has.
	Swap(ctx context.Context, b *Build, metadata string) error
	// Forget removes secrets from the host that the guest has read, once it is done with them.
	Forget(ctx context.Context, i Instance, b Blueprint) error
}

// Stage is a step of creating an instance.
type Stage struct {
	Name string // as records have it
	Do   func(context.Context) error
}

// Reader reads instances.
type Reader interface {
	// Read is the instance of a domain without its addresses, as far as definition and state show it.
	// It makes no request for the domain.
	Read(ctx context.Context, d host.Domain, facts metadata.Facts) (Instance, error)
	// Drift returns the attributes in which an instance differs from its blueprint.
	Drift(i Instance, b Blueprint) []Drift
	// Look adds to an instance of Read what is seen of its guest: its addresses, and what it reports of
	// itself. leases are those of networks that were asked already; nil for the addresses of one instance,
	// for which the guest may be asked, too.
	Look(ctx context.Context, i *Instance, leases network.Leases) error
	// Overrides are what an instance has beyond the version that it was created from.
	Overrides(ctx context.Context, i Instance, version catalog.Version) (Overrides, error)
}

// Changer changes instances.
type Changer interface {
	// Compare compares an instance, as its host has it, with a blueprint. The findings report what the
	// instance cannot have at all.
	Compare(ctx context.Context, i Instance, b Blueprint) (Diff, finding.List, error)
	// Redefine changes the definition, and adds the blueprint's other changes to it, except devices. A
	// nil blueprint changes nothing else.
	Redefine(ctx context.Context, i Instance, b *Blueprint, change host.DomainChange) error
	// Apply changes devices and disks as a Diff says. running says whether the guest is up.
	Apply(ctx context.Context, i Instance, d Diff, running bool) error
	// Clean removes what is left of a system disk that was replaced.
	Clean(ctx context.Context, i Instance) error
}

// Runner starts and stops guests, and waits for them.
type Runner interface {
	// Start starts a guest that is off or crashed, and leaves a running one alone.
	Start(ctx context.Context, i Instance) (Before, error)
	// Stop asks a guest to shut down, waits up to grace for it, and then switches it off. It is not an
	// error if the guest is off or gone.
	Stop(ctx context.Context, uuid string, grace time.Duration) error
	// Awaits are the conditions to wait for after a start if the request does not say.
	Awaits(b Blueprint) []string
	// Ready waits until a guest meets the conditions. before is what was seen of it right before it
	// was started. first says that the guest has to report how its first boot went. A Quoting error
	// names the condition that was not met.
	Ready(ctx context.Context, i Instance, before Before, conditions []string, first bool) error
}
