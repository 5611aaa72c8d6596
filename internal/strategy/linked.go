package strategy

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// linked lays a qcow2 overlay on the image: that takes no time, and the image has to stay.
type linked struct{}

func (linked) Name() catalog.Strategy { return "linked_clone" }
func (linked) HoldsBase() bool        { return true }
func (linked) Format(string) string   { return "qcow2" }

func (l linked) Make(ctx context.Context, volumes host.Volumes, d Disk) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := volumes.CreateVolume(host.Whole(ctx), d.Pool, host.VolumeSpec{
		Name: d.Name, Format: l.Format(d.ImageFormat), Capacity: d.Capacity,
		Backing: &host.Backing{Path: d.Image.Path, Format: d.ImageFormat},
	})
	return err
}
