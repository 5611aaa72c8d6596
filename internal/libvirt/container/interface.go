package container

import (
	"fmt"
	"strings"

	"libvirt.org/go/libvirtxml"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domain"
)

func checkInterface(n host.InterfaceSpec) error {
	if err := domain.CheckInterface(n); err != nil {
		return err
	}
	switch {
	case n.MAC == "": // the driver keeps no other name of an interface
		return fmt.Errorf("interface %q: it has no MAC address", n.Name)
	case n.Model != "" || n.VLAN > 0 || n.LinkDown || n.PCI != nil:
		return fmt.Errorf("interface %q: %w: a container's has no model, VLAN tag, carrier or PCI address",
			n.Name, host.ErrUnsupported)
	}
	return nil
}

// deviceName is the name that a container sees of its interface number n, from 0.
func deviceName(n int) string { return fmt.Sprintf("eth%d", n) }

// interfaceDevice describes an interface that the container sees under that name.
func interfaceDevice(n host.InterfaceSpec, device string) libvirtxml.DomainInterface {
	nic := domain.Connected(n)
	nic.Guest = &libvirtxml.DomainInterfaceGuest{Dev: device}
	if n.Filter != "" {
		nic.Target = &libvirtxml.DomainInterfaceTarget{Dev: hostDevice(n.MAC)}
	}
	return nic
}

// hostDevice is the name of the host's end of an interface with a filter. libvirt 9.0 binds a filter
// before it has chosen a name, and fails.
func hostDevice(mac string) string {
	return "nv" + strings.ToLower(strings.ReplaceAll(mac, ":", "")) // of the 15 bytes that Linux allows
}
