package vm

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// GPUs are PCI devices of these base classes (PCI Code and ID Assignment Specification).
const (
	classDisplay     = 0x03
	classAccelerator = 0x12
)

func isGPU(d host.PCIDevice) bool {
	return d.Class>>16 == classDisplay || d.Class>>16 == classAccelerator
}

// gpuDevice is the name of a domain's GPU: its PCI id and its number. Other functions of its card
// have a suffix.
var gpuDevice = regexp.MustCompile(`^gpu-([0-9a-f]{4})-([0-9a-f]{4})-[0-9]+$`)

// gpusOf counts the GPUs of a domain, and returns their type.
func gpusOf(devices []host.PassthroughDevice) (n int, id string) {
	for _, d := range devices {
		if m := gpuDevice.FindStringSubmatch(d.Name); m != nil {
			n, id = n+1, m[1]+":"+m[2]
		}
	}
	return n, id
}

// gpus are the GPUs of a host.
type gpus struct {
	host      host.Host
	inventory *inventory.Inventory
	tenant    string     // whose other instances errors may name
	choosing  sync.Mutex // held from the choice of GPUs until the host can report that they are taken
}

// check reports that the host does not have the GPUs, or not enough of them.
func (g *gpus) check(ctx context.Context, name string, m profile.Machine) (finding.List, error) {
	if m.GPUs == 0 {
		return nil, nil
	}
	_, findings, err := g.choose(ctx, naming.Domain(g.tenant, name), m)
	return findings, err
}

// choose picks GPUs that no other domain has than the one of that name.
func (g *gpus) choose(
	ctx context.Context, domain string, m profile.Machine,
) ([]host.PassthroughDevice, finding.List, error) {
	devices, err := g.inventory.PCIDevices(ctx)
	if err != nil {
		return nil, nil, err
	}
	domains, undescribed, err := g.host.AllDomains(ctx)
	if err == nil && len(undescribed) > 0 {
		err = g.unknown(undescribed[0])
	}
	if err != nil {
		return nil, nil, err
	}
	taken := map[host.PCIAddress]string{}
	for _, other := range domains {
		for _, device := range other.Passthrough {
			if other.Name != domain {
				taken[device.Address] = g.calls(other)
			}
		}
	}
	chosen, findings := pickGPUs(devices, taken, m, g.host.URI())
	return chosen, findings, nil
}

// unknown is the error about a domain that may have GPUs. A domain that may be another tenant's is
// not named, and neither is the reason, because it contains the name.
func (g *gpus) unknown(u host.Undescribed) error {
	const text = "finding GPUs that are free: %s may have some, but the host cannot describe it"
	if !naming.IsDomainOf(g.tenant, u.Name) {
		return fmt.Errorf(text, "another domain")
	}
	return fmt.Errorf(text+": %w", u, u.Err)
}

// calls is the library's user's name for a domain. Another tenant's instance has no name for them.
func (g *gpus) calls(other host.Domain) string {
	facts, err := metadata.Parse(other.Metadata)
	foreign := err == nil && facts.Tenant != g.tenant
	if damaged := other.Metadata != "" && err != nil; foreign || damaged && !naming.IsDomainOf(g.tenant, other.Name) {
		return "another tenant"
	}
	return fmt.Sprintf("domain %q", other.Name)
}

// pickGPUs picks what a machine asks for. taken says which domain has a device.
func pickGPUs(
	devices []host.PCIDevice, taken map[host.PCIAddress]string, m profile.Machine, uri string,
) ([]host.PassthroughDevice, finding.List) {
	var fs finding.List
	at := finding.At("hardware_profile")
	gpus := slices.DeleteFunc(slices.Clone(devices), func(d host.PCIDevice) bool { return !isGPU(d) })
	fitting := slices.DeleteFunc(slices.Clone(gpus), func(d host.PCIDevice) bool { return d.ID != m.GPU })
	if len(fitting) == 0 {
		fs.Add(at.Name("gpu_type"), "GPU not found", fmt.Sprintf("The host %s has no GPU of the type %q. %s",
			uri, m.GPU, finding.Available("It has", describe(gpus))))
		return nil, fs
	}
	var chosen []host.PassthroughDevice
	var used []string
	free := 0
	for _, gpu := range fitting {
		functions := functionsOf(gpu, devices)
		owner := ""
		for _, f := range functions {
			if taken[f.Address] != "" {
				owner = taken[f.Address]
			}
		}
		if owner != "" {
			used = append(used, fmt.Sprintf("%s is %s's", gpu.Address, owner))
			continue
		}
		if free < m.GPUs {
			chosen = append(chosen, named(functions, free)...)
		}
		free++
	}
	if free < m.GPUs {
		others := ""
		if len(used) > 0 {
			others = " (" + strings.Join(used, ", ") + ")"
		}
		fs.Add(at.Name("gpu_count"), "Not enough GPUs",
			fmt.Sprintf("The instance should have %d GPUs of the type %s. The "+
				"host %s has %d, of which %d are free%s.", m.GPUs, m.GPU, uri, len(fitting), free, others))
		return nil, fs
	}
	if slices.ContainsFunc(fitting, func(d host.PCIDevice) bool { return len(d.Group) == 0 }) {
		fs.Add(at.Name("gpu_count"), "Host has no IOMMU",
			fmt.Sprintf("The host %s uses no IOMMU, without which it cannot "+
				"hand a GPU to a guest: switch it on in the firmware (VT-d or AMD-Vi) and the kernel (intel_iommu=on).",
				uri))
		return nil, fs
	}
	return chosen, nil
}

// functionsOf are the GPU and the other functions of its card that share its IOMMU group, such as
// the sound of its display outputs: a guest gets all of a group or nothing.
func functionsOf(gpu host.PCIDevice, devices []host.PCIDevice) []host.PCIDevice {
	functions := []host.PCIDevice{gpu}
	for _, d := range devices {
		a, b := gpu.Address, d.Address
		if a != b && a.Domain == b.Domain && a.Bus == b.Bus && a.Slot == b.Slot && slices.Contains(gpu.Group, b) {
			functions = append(functions, d)
		}
	}
	return functions
}

// named names the functions of the nth GPU.
func named(functions []host.PCIDevice, n int) []host.PassthroughDevice {
	name := fmt.Sprintf("gpu-%s-%d", strings.Replace(functions[0].ID, ":", "-", 1), n)
	devices := []host.PassthroughDevice{{Name: name, Address: functions[0].Address}}
	for _, f := range functions[1:] {
		devices = append(devices, host.PassthroughDevice{Name: fmt.Sprintf("%s-fn%d", name, f.Address.Function),
			Address: f.Address})
	}
	return devices
}

// describe lists types of GPUs, each once.
func describe(gpus []host.PCIDevice) []string {
	var types []string
	for _, d := range gpus {
		text := d.ID
		if d.Name != "" {
			text += " (" + d.Name + ")"
		}
		if !slices.Contains(types, text) {
			types = append(types, text)
		}
	}
	return types
}
