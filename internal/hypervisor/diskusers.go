package hypervisor

import (
	"context"
	"slices"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// liveDisks is the part of a domain's XML that tells what its guest may write to
// (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms).
type liveDisks struct {
	Disks []struct {
		ReadOnly *struct{} `xml:"readonly"`
		Source   struct {
			File   string `xml:"file,attr"`
			Dev    string `xml:"dev,attr"`
			Pool   string `xml:"pool,attr"`
			Volume string `xml:"volume,attr"`
		} `xml:"source"`
	} `xml:"devices>disk"`
}

// DiskUsers names the domains whose guests run, in whatever state, and may write
// to a volume: as they run, not as they are defined. It makes one request, and
// one for each running domain.
func (h *Host) DiskUsers(ctx context.Context, v host.Volume) ([]string, error) {
	running, err := h.listDomains(ctx, libvirt.ConnectListDomainsActive)
	if err != nil {
		return nil, err
	}
	users, err := rpc.Gather(ctx, running, host.ErrNoDomain, func(ctx context.Context, ref libvirt.Domain) (string, error) {
		text, err := rpc.Ask(ctx, h.Client, "reading", virterr.Domain(ref.Name), func(l *libvirt.Libvirt) (string, error) {
			return l.DomainGetXMLDesc(ref, 0)
		})
		if err != nil {
			return "", err
		}
		var doc liveDisks
		if err := virterr.Understand("the domain's XML", text, &doc); err != nil {
			return "", virterr.Fail("reading", virterr.Domain(ref.Name), err)
		}
		for _, disk := range doc.Disks {
			from := disk.Source
			if disk.ReadOnly == nil && (v.Path != "" && (from.File == v.Path || from.Dev == v.Path) || from.Pool == v.Pool && from.Volume == v.Name) {
				return ref.Name, nil
			}
		}
		return "", nil
	})
	return slices.DeleteFunc(users, func(name string) bool { return name == "" }), err
}
