package catalog

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
)

// HardwareProfile is the shape of a machine. A nil field says nothing.
type HardwareProfile struct {
	CPUCount *int64  `json:"cpu_count,omitempty"` // sockets
	CPUCores *int64  `json:"cpu_cores,omitempty"` // cores a socket
	CPUType  *string `json:"cpu_type,omitempty"`  // host-model, host-passthrough, maximum, or a model that libvirt knows
	MemoryMB *int64  `json:"memory_mb,omitempty"` // MiB
}

// Hardware defaults: one socket, one core, 1 GiB, the host's CPU model.
const (
	DefaultCPUCount int64 = 1
	DefaultCPUCores int64 = 1
	DefaultCPUType        = "host-model"
	DefaultMemoryMB int64 = 1024
)

// Over lays the fields that h sets over base, field by field.
func (h *HardwareProfile) Over(base *HardwareProfile) *HardwareProfile {
	if h == nil {
		return base
	}
	if base == nil {
		return h
	}
	return &HardwareProfile{
		CPUCount: either(h.CPUCount, base.CPUCount), CPUCores: either(h.CPUCores, base.CPUCores),
		CPUType: either(h.CPUType, base.CPUType), MemoryMB: either(h.MemoryMB, base.MemoryMB),
	}
}

// Machine is a hardware profile with every field settled.
type Machine struct {
	Sockets, Cores int
	CPU            string
	MemoryMiB      uint64
}

// Machine fills in the defaults. h may be nil.
func (h *HardwareProfile) Machine() Machine {
	if h == nil {
		h = &HardwareProfile{}
	}
	return Machine{
		Sockets: int(or(h.CPUCount, DefaultCPUCount)), Cores: int(or(h.CPUCores, DefaultCPUCores)),
		CPU: or(h.CPUType, DefaultCPUType), MemoryMiB: uint64(or(h.MemoryMB, DefaultMemoryMB)),
	}
}

// Validate finds what is wrong; h may be nil.
func (h *HardwareProfile) Validate() Findings {
	var fs Findings
	if h == nil {
		return nil
	}
	at := At("hardware_profile")
	within(&fs, at.Name("cpu_count"), h.CPUCount, 1, 64)
	within(&fs, at.Name("cpu_cores"), h.CPUCores, 1, 512)
	within(&fs, at.Name("memory_mb"), h.MemoryMB, 32, 16<<20)
	if h.CPUType != nil && strings.TrimSpace(*h.CPUType) == "" {
		fs.Add(at.Name("cpu_type"), "Empty CPU type", "Write host-model, host-passthrough, maximum or a CPU model, or leave it out.")
	}
	return fs
}

// NetworkProfile names a machine's interfaces. A nil map says nothing: one interface eth0 on the network "default".
type NetworkProfile struct {
	Interfaces map[string]Interface `json:"interfaces"`
}

// Interface is one network card, on a libvirt network or a host bridge.
type Interface struct {
	Model   *string `json:"type,omitempty"` // virtio, e1000, e1000e or rtl8139
	Network *string `json:"network,omitempty"`
	Bridge  *string `json:"bridge,omitempty"`
	MAC     *string `json:"mac_address,omitempty"`
}

// Network defaults.
const (
	DefaultInterface      = "eth0"
	DefaultInterfaceModel = "virtio"
	DefaultNetwork        = "default"
)

// InterfaceModels lists the network card models that a guest may get.
func InterfaceModels() []string { return []string{"virtio", "e1000", "e1000e", "rtl8139"} }

// Over lays the fields that n sets over base, interface by interface and field by field.
func (n *NetworkProfile) Over(base *NetworkProfile) *NetworkProfile {
	if n == nil || n.Interfaces == nil {
		return base
	}
	if base == nil || base.Interfaces == nil {
		return n
	}
	merged := maps.Clone(base.Interfaces)
	for name, over := range n.Interfaces {
		under := merged[name]
		if over.Network != nil || over.Bridge != nil { // where it is plugged in is one choice of two
			under.Network, under.Bridge = nil, nil
		}
		merged[name] = Interface{
			Model: either(over.Model, under.Model), Network: either(over.Network, under.Network),
			Bridge: either(over.Bridge, under.Bridge), MAC: either(over.MAC, under.MAC),
		}
	}
	return &NetworkProfile{Interfaces: merged}
}

// NIC is an interface with every field settled; MAC is "" when it is to be chosen.
type NIC struct {
	Name, Model, Network, Bridge, MAC string
}

// NICs fills in the defaults and orders the interfaces by name. n may be nil.
func (n *NetworkProfile) NICs() []NIC {
	interfaces := map[string]Interface{DefaultInterface: {}}
	if n != nil && n.Interfaces != nil {
		interfaces = n.Interfaces
	}
	nics := make([]NIC, 0, len(interfaces))
	for _, name := range sortedNames(interfaces) {
		i := interfaces[name]
		nic := NIC{Name: name, Model: or(i.Model, DefaultInterfaceModel), Bridge: or(i.Bridge, ""), MAC: strings.ToLower(or(i.MAC, ""))}
		if nic.Bridge == "" {
			nic.Network = or(i.Network, DefaultNetwork)
		}
		nics = append(nics, nic)
	}
	return nics
}

// Validate finds what is wrong; n may be nil.
func (n *NetworkProfile) Validate() Findings {
	var fs Findings
	if n == nil {
		return nil
	}
	seen := map[string]string{}
	for _, name := range sortedNames(n.Interfaces) {
		i, at := n.Interfaces[name], At("network_profile").Name("interfaces").Key(name)
		if err := ValidateDeviceName(name); err != nil {
			fs.Add(at, "Invalid interface name", sentence(err))
		}
		if i.Network != nil && i.Bridge != nil {
			fs.Add(at.Name("bridge"), "Two places to plug in", "An interface is on a libvirt network or on a host bridge: set network or bridge, not both.")
		}
		for attribute, plug := range map[string]*string{"network": i.Network, "bridge": i.Bridge} {
			if plug != nil && strings.TrimSpace(*plug) == "" {
				fs.Add(at.Name(attribute), "Empty name", fmt.Sprintf("Name the %s, or leave it out for the network %q.", attribute, DefaultNetwork))
			}
		}
		if i.Model != nil && !slices.Contains(InterfaceModels(), *i.Model) {
			fs.Add(at.Name("type"), "Unknown interface type", fmt.Sprintf("%q is none of %s.", *i.Model, strings.Join(InterfaceModels(), ", ")))
		}
		if i.MAC == nil {
			continue
		}
		mac, err := net.ParseMAC(*i.MAC)
		switch {
		case err != nil || len(mac) != 6 || mac.String() == "00:00:00:00:00:00":
			fs.Add(at.Name("mac_address"), "Invalid MAC address", fmt.Sprintf("%q is no Ethernet address: write it as 52:54:00:12:34:56.", *i.MAC))
		case mac[0]&1 == 1:
			fs.Add(at.Name("mac_address"), "Multicast MAC address", fmt.Sprintf("%q has the multicast bit set; the first byte of an interface's own address is even.", *i.MAC))
		case seen[mac.String()] != "":
			fs.Add(at.Name("mac_address"), "MAC address used twice", fmt.Sprintf("%q is also the address of interface %q.", *i.MAC, seen[mac.String()]))
		default:
			seen[mac.String()] = name
		}
	}
	return fs
}

// sortedNames orders the names of disks or interfaces as a reader would: eth2 before eth10.
func sortedNames[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), naturalCompare)
}

func either[T any](a, b *T) *T {
	if a != nil {
		return a
	}
	return b
}

func or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

func within(fs *Findings, at Path, v *int64, low, high int64) {
	if v != nil && (*v < low || *v > high) {
		fs.Add(at, "Value out of range", fmt.Sprintf("%d is not between %d and %d.", *v, low, high))
	}
}

// sentence makes an error's text end a diagnostic as prose does.
func sentence(err error) string {
	s := err.Error()
	return strings.TrimSuffix(s, ".") + "."
}
