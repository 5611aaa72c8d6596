package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// CheckHost finds what a blueprint of the instance of that name asks for and the host does not have.
func (p *Provisioner) CheckHost(ctx context.Context, name string, b Blueprint) (finding.List, error) {
	var fs finding.List
	for _, check := range []func() (finding.List, error){
		func() (finding.List, error) { return p.checkFirmware(ctx, b) },
		func() (finding.List, error) { return p.checkGPUs(ctx, name, b) },
		func() (finding.List, error) { return p.networks.Check(ctx, b.NICs, b.Public) },
		func() (finding.List, error) { return p.volumes.CheckTiers(ctx, b.Drives) },
	} {
		found, err := check()
		if err != nil {
			return nil, err
		}
		fs = append(fs, found...)
	}
	return fs, nil
}

// checkFirmware finds that the host has no EFI.
func (p *Provisioner) checkFirmware(ctx context.Context, b Blueprint) (finding.List, error) {
	var fs finding.List
	if b.Machine.Firmware != profile.EFI {
		return nil, nil
	}
	domainType, err := p.domainTypeFor(ctx)
	if err != nil {
		return nil, err
	}
	firmwares, err := p.inventory.Firmwares(ctx, domainType)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(firmwares, "efi") {
		fs.Add(finding.At("hardware_profile").Name("firmware"), "EFI firmware not found", fmt.Sprintf("The host %s has no EFI for guests. Install it "+
			"there (the package ovmf of Debian and Ubuntu, edk2-ovmf of Fedora and its kin), or use bios.", p.host.URI()))
	}
	return fs, nil
}
