// Package strategy has the ways in which an instance's system disk comes from the stored image of its version. Others ask a
// strategy what it does, and never which one it is: so one more is a file of this package.
package strategy

import (
	"context"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Strategy makes system disks. strategytest is its contract.
type Strategy interface {
	// Name is what users write, and documents keep.
	Name() catalog.Strategy
	// HoldsBase tells whether a disk needs the image that it was made from for as long as it lives.
	HoldsBase() bool
	// Format is the format of a disk that is made from an image of a format: raw or qcow2.
	Format(image string) string
	// Make makes a disk. A name that is taken gives host.ErrExists; another failure may leave a volume of the name.
	Make(ctx context.Context, volumes host.Volumes, d Disk) error
}

// Disk is a system disk to make.
type Disk struct {
	Pool, Name  string
	Capacity    uint64 // bytes, no fewer than the image has
	Image       host.Volume
	ImageFormat string // raw or qcow2, as its document says
}

// Default is the strategy of templates that name none.
func Default() Strategy { return linked{} }

// All returns the strategies, in the order in which texts list them.
func All() []Strategy { return []Strategy{clone{}, linked{}} }

// Names are those of All.
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
	return nil, fmt.Errorf("unknown strategy %q: this version of the provider has %s", name, strings.Join(Names(), ", "))
}

// HoldsBase tells whether instances of a strategy may need the image that they were made from. That holds for a strategy, too,
// that a later version of the provider has written.
func HoldsBase(name catalog.Strategy) bool {
	s, err := Of(name)
	return err != nil || s.HoldsBase()
}
