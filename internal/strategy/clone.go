package strategy

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// clone copies the image, in its format, so the instance needs nothing from the library.
type clone struct{}

func (clone) Name() catalog.Strategy     { return "clone" }
func (clone) Summary() string            { return "a full copy" }
func (clone) HoldsBase() bool            { return false }
func (clone) Resumes() bool              { return false }
func (clone) Format(image string) string { return image }

func (clone) Make(ctx context.Context, volumes host.Volumes, d Disk) error {
	spec := host.VolumeSpec{Name: d.Name, Format: d.ImageFormat, Capacity: d.Capacity}
	_, err := volumes.CloneVolume(ctx, d.Pool, spec, host.CloneSource{
		Pool: d.Image.Pool, Name: d.Image.Name, Format: d.ImageFormat,
	})
	return err
}
