package vm

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// renderSeed renders what the guest is told at first boot. It never touches the runner's disk.
func renderSeed(b kind.Blueprint, uuid, instance string) ([]byte, error) {
	return PartOf(b).Seed(b, uuid, instance).ISO()
}

// withoutSecrets is a blueprint as if no secret had been given. A template that is invalid without
// them then says nothing: the guest has read it.
func withoutSecrets(b kind.Blueprint) kind.Blueprint {
	b.Parameters = b.Shown
	p := PartOf(b)
	p.UserData, _ = b.RenderUserData(true) // its findings only say that the template is invalid without them
	b.Part = &p
	return b
}

// makeSeed puts the seed where the guest finds it, and creates the volume for the guest's console.
func (b *build) makeSeed(ctx context.Context) error {
	iso, err := renderSeed(b.Blueprint, b.UUID, b.Request.Name)
	if err != nil {
		return err
	}
	if err := b.createSeed(ctx, iso); err != nil {
		return err
	}
	if err := b.CreateVolume(ctx, b.driver.volumes, b.Pool.Name, host.VolumeSpec{
		Name: naming.Console(b.Tenant, b.Request.Name), Format: "raw",
	}); err != nil {
		return err
	}
	// Last, because libvirt refreshes the pool after it, and makes the next request wait for that.
	return b.writeSeed(ctx, iso)
}

// putSeed creates the volume of a seed, and writes it.
func (b *build) putSeed(ctx context.Context, iso []byte) error {
	if err := b.createSeed(ctx, iso); err != nil {
		return err
	}
	return b.writeSeed(ctx, iso)
}

// createSeed creates the volume of a seed.
func (b *build) createSeed(ctx context.Context, iso []byte) error {
	size := uint64(len(iso))
	return b.CreateVolume(ctx, b.driver.volumes, b.Pool.Name, host.VolumeSpec{
		Name: naming.Seed(b.Tenant, b.Request.Name), Format: "raw", Capacity: size, Allocation: size,
	})
}

func (b *build) writeSeed(ctx context.Context, iso []byte) error {
	return b.driver.host.WriteVolume(ctx, b.Pool.Name, naming.Seed(b.Tenant, b.Request.Name), iso)
}

// Forget implements kind.Driver. It overwrites the whole seed with one without its secrets.
// cloud-init must be done. The seed stays: without one, cloud-init takes the next boot for the
// first of another instance.
func (d *Driver) Forget(ctx context.Context, i kind.Instance, b kind.Blueprint) error {
	name := naming.Seed(i.Facts.Tenant, i.Facts.Name)
	volume, err := d.host.Volume(ctx, d.volumes.Pool(), name)
	if err != nil {
		return fmt.Errorf("taking the secrets out of the seed of instance %q: %w", i.Facts.Name, err)
	}
	b.NICs = i.NICs
	iso, err := renderSeed(withoutSecrets(b), i.UUID, i.Facts.Name)
	// the text in place of the secrets may be longer than they are
	if err == nil && uint64(len(iso)) > volume.Capacity {
		b.Version.Spec.CloudInit = nil
		iso, err = renderSeed(withoutSecrets(b), i.UUID, i.Facts.Name)
	}
	if err == nil {
		iso = slices.Concat(iso, make([]byte, max(0, int64(volume.Capacity)-int64(len(iso)))))
		err = d.host.WriteVolume(ctx, d.volumes.Pool(), name, iso)
	}
	if err != nil {
		return fmt.Errorf("taking the secrets out of the seed of instance %q: %w", i.Facts.Name, err)
	}
	return nil
}
