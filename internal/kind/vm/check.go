package vm

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Check implements kind.Driver.
func (d *Driver) Check(ctx context.Context, name string, b kind.Blueprint) (finding.List, error) {
	machine := PartOf(b).Machine
	return finding.Collect(
		func() (finding.List, error) { return d.checkFirmware(ctx, machine) },
		func() (finding.List, error) { return d.gpus.check(ctx, name, machine) },
		func() (finding.List, error) { return d.networks.Check(ctx, b.NICs, b.Public) },
		func() (finding.List, error) { return d.volumes.CheckTiers(ctx, b.Drives) },
	)
}

// checkFirmware reports that the host has no EFI.
func (d *Driver) checkFirmware(ctx context.Context, m profile.Machine) (finding.List, error) {
	var fs finding.List
	if m.Firmware != profile.EFI {
		return nil, nil
	}
	domainType, err := d.domainTypeFor(ctx)
	if err != nil {
		return nil, err
	}
	firmwares, err := d.inventory.Firmwares(ctx, domainType)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(firmwares, "efi") {
		fs.Add(finding.At("hardware_profile").Name("firmware"), "EFI firmware not found",
			fmt.Sprintf("The host %s has no EFI for guests. Install it "+
				"there (the package ovmf of Debian and Ubuntu, edk2-ovmf of Fedora and its kin), or use bios.",
				d.host.URI()))
	}
	return fs, nil
}
