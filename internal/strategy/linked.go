package strategy

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// linked creates a qcow2 overlay on the image. That takes no time, but the image has to stay.
type linked struct{}

func (linked) Name() catalog.Strategy { return "linked_clone" }
func (linked) Summary() string        { return "instant, shares the image" }
func (linked) HoldsBase() bool        { return true }
func (linked) Resumes() bool          { return false }
func (linked) Format(string) string   { return "qcow2" }

func (l linked) Make(ctx context.Context, volumes host.Volumes, d Disk) error {
	spec := host.VolumeSpec{
		Name: d.Name, Format: l.Format(d.ImageFormat), Capacity: d.Capacity,
		Backing: &host.Backing{Path: d.Image.Path, Format: d.ImageFormat},
	}
	return step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := volumes.CreateVolume(ctx, d.Pool, spec)
		return err
	})
}
