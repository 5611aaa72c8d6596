package container

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd/binary"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Check implements kind.Driver.
func (d *Driver) Check(ctx context.Context, _ string, b kind.Blueprint) (finding.List, error) {
	var fs finding.List
	template := finding.At("template_id")
	err := d.containers.Offered(ctx)
	if errors.Is(err, host.ErrNoDriver) {
		fs.Add(template, "Host has no containers", fmt.Sprintf("The host %s does not have libvirt's driver of "+
			"containers. Install it there (the package libvirt-daemon-driver-lxc of Debian and Ubuntu), and restart "+
			"libvirtd.", d.host.URI()))
		return fs, nil
	}
	if err != nil {
		return nil, err
	}
	_, architecture, err := d.inits.program(ctx)
	foreign, isForeign := errors.AsType[*binary.ArchitectureError](err)
	switch {
	case errors.Is(err, binary.ErrNotEmbedded):
		fs.Add(template, "No nova-init", finding.Sentence(err)+" nova-init is process 1 of every container.")
	case isForeign:
		fs.Add(template, "No containers for this architecture", finding.Sentence(foreign))
	case err != nil:
		return nil, err
	}
	if root := b.Version.Root; root != nil && root.Architecture != "" && architecture != "" &&
		root.Architecture != architecture {
		fs.Add(finding.At("version"), "Image is for another architecture", fmt.Sprintf("The image of version %q is "+
			"for %s, and the host %s is %s: register an image for that.", b.Version.ID, root.Architecture, d.host.URI(),
			architecture))
	}
	more, err := finding.Collect(
		func() (finding.List, error) { return d.checkPaths(ctx, b) },
		func() (finding.List, error) { return d.networks.Check(ctx, b.NICs, b.Public) },
		func() (finding.List, error) { return d.volumes.CheckTiers(ctx, b.Drives) },
	)
	return append(fs, more...), err
}

// checkPaths reports disks in pools whose paths are so long that libvirt cannot mount the disks.
func (d *Driver) checkPaths(ctx context.Context, b kind.Blueprint) (finding.List, error) {
	var fs finding.List
	pools, err := d.inventory.Pools(ctx)
	if err != nil {
		return nil, err
	}
	for _, drive := range b.Drives {
		name := d.volumes.TierPool(drive.Tier)
		for _, pool := range pools {
			const most = naming.MaxMounted - 1 - naming.MaxContainerDisk
			if pool.Name == name && len(pool.Path) > most {
				fs.Add(finding.At("storage_profile").Name("disks").Key(drive.Name), "Path of storage pool is too long",
					fmt.Sprintf("Disk %q would be in the pool %q, whose path %s has %d bytes. libvirt mounts files "+
						"into containers only if their paths are short, so the pool's may have no more than %d: use "+
						"another pool.", drive.Name, pool.Name, pool.Path, len(pool.Path), most))
			}
		}
	}
	return fs, nil
}
