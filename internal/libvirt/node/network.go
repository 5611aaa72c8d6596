package node

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Networks returns all networks of the host, by name: two requests, and one for each network.
func (m *Node) Networks(ctx context.Context) ([]host.Network, error) {
	list := func(which libvirt.ConnectListAllNetworksFlags) ([]libvirt.Network, error) {
		return rpc.Ask(ctx, m.client, "listing", "networks", func(l *libvirt.Libvirt) ([]libvirt.Network, error) {
			refs, _, err := l.ConnectListAllNetworks(1, which)
			return refs, err
		})
	}
	refs, err := list(0)
	if err != nil {
		return nil, err
	}
	active, err := list(libvirt.ConnectListNetworksActive)
	if err != nil {
		return nil, err
	}
	networks, err := rpc.Gather(ctx, refs, host.ErrNoNetwork,
		func(ctx context.Context, ref libvirt.Network) (host.Network, error) {
			return m.readNetwork(ctx, ref, slices.Contains(active, ref))
		})
	slices.SortFunc(networks, func(a, b host.Network) int { return strings.Compare(a.Name, b.Name) })
	return networks, err
}

// Network returns a network, or host.ErrNoNetwork.
func (m *Node) Network(ctx context.Context, name string) (host.Network, error) {
	ref, err := rpc.Ask(ctx, m.client, "reading", virterr.Network(name),
		func(l *libvirt.Libvirt) (libvirt.Network, error) {
			return l.NetworkLookupByName(name)
		})
	if err != nil {
		return host.Network{}, err
	}
	active, err := rpc.Ask(ctx, m.client, "reading", virterr.Network(name), func(l *libvirt.Libvirt) (int32, error) {
		return l.NetworkIsActive(ref)
	})
	if err != nil {
		return host.Network{}, err
	}
	return m.readNetwork(ctx, ref, active != 0)
}

func (m *Node) readNetwork(ctx context.Context, ref libvirt.Network, active bool) (host.Network, error) {
	text, err := rpc.Ask(ctx, m.client, "reading", virterr.Network(ref.Name), func(l *libvirt.Libvirt) (string, error) {
		return l.NetworkGetXMLDesc(ref, 0)
	})
	if err != nil {
		return host.Network{}, err
	}
	n, err := parseNetwork(text)
	n.Active = active
	return n, virterr.Fail("reading", virterr.Network(ref.Name), err)
}

func parseNetwork(text string) (host.Network, error) {
	var doc struct {
		Name    string `xml:"name"`
		Forward *struct {
			Mode string `xml:"mode,attr"`
		} `xml:"forward"`
		Bridge struct {
			Name string `xml:"name,attr"`
		} `xml:"bridge"`
		Port struct {
			Type string `xml:"type,attr"`
		} `xml:"virtualport"`
	}
	if err := virterr.Understand("the network's XML", text, &doc); err != nil {
		return host.Network{}, err
	}
	n := host.Network{Name: doc.Name, Bridge: doc.Bridge.Name, OpenVSwitch: doc.Port.Type == "openvswitch"}
	if doc.Forward != nil {
		// https://libvirt.org/formatnetwork.html: nat is the default mode.
		n.ForwardMode = cmp.Or(doc.Forward.Mode, "nat")
	}
	return n, nil
}

// Interfaces names the host's network interfaces, including bridges, with one request. An empty
// list means that libvirt, or its access rules for the user, does not report them.
func (m *Node) Interfaces(ctx context.Context) ([]string, error) {
	refs, err := rpc.Ask(ctx, m.client, "listing", "network interfaces",
		func(l *libvirt.Libvirt) ([]libvirt.Interface, error) {
			refs, _, err := l.ConnectListAllInterfaces(1, 0)
			return refs, err
		})
	if err != nil && virterr.IsAnswer(err) { // libvirt may be built without interfaces, and access rules may deny them
		return nil, nil
	}
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.Name
	}
	slices.Sort(names)
	return names, err
}

// NetworkFilters names the network filters of the host, with one request.
func (m *Node) NetworkFilters(ctx context.Context) ([]string, error) {
	refs, err := rpc.Ask(ctx, m.client, "listing", "network filters",
		func(l *libvirt.Libvirt) ([]libvirt.Nwfilter, error) {
			refs, _, err := l.ConnectListAllNwfilters(1, 0)
			return refs, err
		})
	names := make([]string, len(refs))
	for i, ref := range refs {
		names[i] = ref.Name
	}
	slices.Sort(names)
	return names, err
}
