// Package strategy has the ways in which an instance's system disk is created from the stored image
// of its version. Other packages ask a strategy what it does, and never which one it is: so to add
// one, add a file to this package, list the strategy in All, and run make generate.
package strategy

import (
	"context"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Strategy creates system disks. strategytest is its contract.
type Strategy interface {
	// Name is the name that users write and documents keep.
	Name() catalog.Strategy
	// Summary says in a few words what a user gets, for the documentation.
	Summary() string
	// HoldsBase reports whether a disk needs the image that it was created from as long as the disk
	// exists.
	HoldsBase() bool
	// Format is the format of a disk that is created from an image of a format: raw or qcow2.
	Format(image string) string
	// Resumes reports whether a guest continues where that of a warm snapshot was, rather than boots.
	// Then Image of its Disk is the snapshot's disk. A kind whose guests cannot be resumed has them begin
	// with the image at each start, and keep what they write in memory.
	Resumes() bool
	// Make creates a disk. It returns host.ErrExists if the name is taken; another failure may
	// leave a volume of that name.
	Make(ctx context.Context, volumes host.Volumes, d Disk) error
}

// Disk is a system disk to create.
type Disk struct {
	Pool, Name  string
	Capacity    uint64 // bytes, no fewer than the image has
	Image       host.Volume
	ImageFormat string // raw or qcow2, as its document says
}

// Default is the strategy of templates that name none.
func Default() Strategy { return linked{} }

// All returns the strategies, in the order in which messages list them.
func All() []Strategy { return []Strategy{clone{}, linked{}, instantiate{}} }

// Names returns the names of all strategies.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, string(s.Name()))
	}
	return names
}

// Of returns the strategy of a name.
func Of(name catalog.Strategy) (Strategy, error) {
	for _, s := range All() {
		if s.Name() == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("unknown strategy %q: this version of the provider has %s",
		name, strings.Join(Names(), ", "))
}

// HoldsBase reports whether instances of a strategy may need the image that they were created from.
// That includes a strategy that a later version of the provider has written.
func HoldsBase(name catalog.Strategy) bool {
	s, err := Of(name)
	return err != nil || s.HoldsBase()
}
