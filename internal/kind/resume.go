package kind

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Resumer makes warm snapshots, and knows which blueprints can be resumed from them. It is used only for
// drivers with the capability Resume.
type Resumer interface {
	// Shape is the machine of a blueprint, as its memory would need it.
	Shape(ctx context.Context, b Blueprint) (catalog.Shape, error)
	// CheckWarm reports why no snapshot can be made of a blueprint. It asks no host.
	CheckWarm(b Blueprint) finding.List
	// CheckShape reports what a blueprint asks for and a guest cannot have that is resumed from a
	// snapshot of another one. It asks no host.
	CheckShape(b, snapshot Blueprint) finding.List
	// NeedsBoot reports what a blueprint asks of the guest that has its effect only while a guest
	// boots.
	NeedsBoot(b Blueprint) finding.List
	// MakeSnapshot boots a guest, seals it, and saves its memory and its disk in the volumes of the
	// snapshot's stem. The snapshot that it returns says what the guest had. After an error, anything
	// may be left under the stem's names.
	MakeSnapshot(ctx context.Context, b SnapshotBuild) (catalog.Snapshot, error)
	// Engine is what the host runs guests with now, as far as a guest's memory depends on it. It does
	// not name the machine type, which each snapshot has its own of.
	Engine(ctx context.Context) (catalog.Engine, error)
}

// SnapshotBuild is a warm snapshot that is being made.
type SnapshotBuild struct {
	Snapshot  catalog.Snapshot // with its shape and stem
	Warm      catalog.Warm
	Blueprint Blueprint // of the shape
	Image     Image     // of the version
	Pool      host.Pool // the library's
}

// Resume is the warm snapshot that the guest of a build is resumed from.
type Resume struct {
	Snapshot catalog.Snapshot
	Warm     catalog.Warm // of the version
	Disk     host.Volume  // of the snapshot
	Head     []byte       // of the file with the memory, for this guest; set by Define
	// Instead reports that the guest could not be resumed. faulty says that the snapshot may be to
	// blame. If Instead returns nil, the guest boots instead.
	Instead func(ctx context.Context, cause error, faulty bool) error
}
