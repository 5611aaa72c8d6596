package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// seed renders what the guest is told at first boot. It never touches the runner's disk.
func (b Blueprint) seed(uuid, instance string) ([]byte, error) {
	seed := guest.Seed{InstanceID: uuid, Hostname: b.Hostname(instance), VendorData: b.UserData, Customization: b.Customization}
	if key := parameter.Targeted(b.Version.Spec.Parameters, b.Parameters, parameter.TargetSSHKey); key != "" {
		seed.SSHAuthorizedKeys = []string{key}
	}
	for _, nic := range b.NICs {
		told := guest.NetworkInterface{Name: nic.Name, MAC: nic.MAC, DHCP: nic.IP.DHCP, Addresses: nic.IP.Addresses, DNS: nic.IP.DNS}
		for _, gateway := range nic.IP.Gateways {
			told.Gateways = append(told.Gateways, guest.Gateway{Addr: gateway, OnLink: nic.IP.OnLink(gateway)})
		}
		seed.NetworkInterfaces = append(seed.NetworkInterfaces, told)
	}
	files, err := seed.Render()
	if err != nil {
		return nil, err
	}
	return files.ISO()
}

// secret tells whether the seed holds values that not all may see.
func (b Blueprint) secret() bool { return len(b.Shown) < len(b.Parameters) }

// withoutSecrets is the blueprint as if no secret had been given. A template that makes no sense without them says
// nothing then: the guest has read it.
func (b Blueprint) withoutSecrets() Blueprint {
	b.Parameters, b.UserData = b.Shown, ""
	_ = b.renderUserData(true) // what it finds is that the template makes no sense without them
	return b
}

// makeSeed puts the seed where the guest finds it, and makes the volume that its console is written to.
func (b *build) makeSeed(ctx context.Context) error {
	iso, err := b.blueprint.seed(b.uuid, b.request.Name)
	if err != nil {
		return err
	}
	if err := b.putSeed(ctx, iso); err != nil {
		return err
	}
	return b.createVolume(ctx, b.pool.Name, host.VolumeSpec{Name: naming.Console(b.tenant, b.request.Name), Format: "raw"})
}

// putSeed makes the volume of a seed.
func (b *build) putSeed(ctx context.Context, iso []byte) error {
	name, size := naming.Seed(b.tenant, b.request.Name), uint64(len(iso))
	if err := b.createVolume(ctx, b.pool.Name, host.VolumeSpec{Name: name, Format: "raw", Capacity: size, Allocation: size}); err != nil {
		return err
	}
	return b.host.WriteVolume(ctx, b.pool.Name, name, iso)
}

// clearSecrets writes the seed anew without its secrets, all over what it was, and notes that. cloud-init must be done. The
// seed stays: without one, cloud-init takes the next boot for the first of another instance.
func (p *Provisioner) clearSecrets(ctx context.Context, facts *metadata.Facts, i Instance, b Blueprint) error {
	if !facts.SecretSeed {
		return nil
	}
	name := naming.Seed(facts.Tenant, facts.Name)
	volume, err := p.host.Volume(ctx, p.library.Pool(), name)
	if err != nil {
		return fmt.Errorf("taking the secrets out of the seed of instance %q: %w", facts.Name, err)
	}
	b.NICs = i.NICs
	iso, err := b.withoutSecrets().seed(i.UUID, facts.Name)
	if err == nil && uint64(len(iso)) > volume.Capacity { // what stands for the secrets may be longer than they are
		b.Version.Spec.CloudInit = nil
		iso, err = b.withoutSecrets().seed(i.UUID, facts.Name)
	}
	if err == nil {
		iso = slices.Concat(iso, make([]byte, max(0, int64(volume.Capacity)-int64(len(iso)))))
		err = p.host.WriteVolume(ctx, p.library.Pool(), name, iso)
	}
	if err != nil {
		return fmt.Errorf("taking the secrets out of the seed of instance %q: %w", facts.Name, err)
	}
	facts.SecretSeed = false
	return nil
}
