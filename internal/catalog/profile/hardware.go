package profile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// cpuTypeForm matches names of CPU models (libvirt's cpu_map).
var cpuTypeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.+-]*$`)

// Hardware is the shape of a machine. A nil field sets nothing.
type Hardware struct {
	CPUCount *int64 `json:"cpu_count,omitempty"` // sockets
	CPUCores *int64 `json:"cpu_cores,omitempty"` // cores per socket
	// host-model, host-passthrough, maximum, or a model that libvirt knows
	CPUType  *string `json:"cpu_type,omitempty"`
	MemoryMB *int64  `json:"memory_mb,omitempty"` // MiB
	Firmware *string `json:"firmware,omitempty"`  // bios or efi
	GPUCount *int64  `json:"gpu_count,omitempty"`
	GPUType  *string `json:"gpu_type,omitempty"` // PCI "vendor:device", such as "10de:1eb8"
}

// Firmwares that a machine may start with.
const (
	BIOS = "bios"
	EFI  = "efi"
)

// Firmwares lists the kinds of firmware.
func Firmwares() []string { return []string{BIOS, EFI} }

// gpuType is a PCI id in hexadecimal, as lspci -n writes it.
var gpuType = regexp.MustCompile(`^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$`)

// Hardware defaults: one socket, one core, 1 GiB, the host's CPU model, BIOS, no GPU.
const (
	DefaultCPUCount int64 = 1
	DefaultCPUCores int64 = 1
	DefaultCPUType        = "host-model"
	DefaultMemoryMB int64 = 1024
	DefaultFirmware       = BIOS
)

// Over lays the fields that h sets over base, field by field.
func (h *Hardware) Over(base *Hardware) *Hardware {
	if h == nil {
		return base
	}
	if base == nil {
		return h
	}
	return &Hardware{
		CPUCount: either(h.CPUCount, base.CPUCount), CPUCores: either(h.CPUCores, base.CPUCores),
		CPUType: either(h.CPUType, base.CPUType), MemoryMB: either(h.MemoryMB, base.MemoryMB),
		Firmware: either(h.Firmware, base.Firmware),
		GPUCount: either(h.GPUCount, base.GPUCount), GPUType: either(h.GPUType, base.GPUType),
	}
}

// Machine is a hardware profile with every field filled in.
type Machine struct {
	Sockets, Cores int
	CPU            string
	MemoryMiB      uint64
	Firmware       string // bios or efi
	GPUs           int
	GPU            string // PCI "vendor:device" in lower case; "" without GPUs
}

// Machine fills in the defaults. h may be nil.
func (h *Hardware) Machine() Machine {
	if h == nil {
		h = &Hardware{}
	}
	m := Machine{
		Sockets: int(or(h.CPUCount, DefaultCPUCount)), Cores: int(or(h.CPUCores, DefaultCPUCores)),
		CPU: or(h.CPUType, DefaultCPUType), MemoryMiB: uint64(or(h.MemoryMB, DefaultMemoryMB)),
		Firmware: or(h.Firmware, DefaultFirmware), GPUs: int(or(h.GPUCount, 0)),
	}
	if m.GPUs > 0 {
		m.GPU = strings.ToLower(or(h.GPUType, ""))
	}
	return m
}

// Validate returns findings for what is wrong; h may be nil.
func (h *Hardware) Validate() finding.List {
	var fs finding.List
	if h == nil {
		return nil
	}
	at := finding.At("hardware_profile")
	within(&fs, at.Name("cpu_count"), h.CPUCount, 1, 64)
	within(&fs, at.Name("cpu_cores"), h.CPUCores, 1, 512)
	within(&fs, at.Name("memory_mb"), h.MemoryMB, 32, 16<<20)
	switch {
	case h.CPUType == nil:
	case strings.TrimSpace(*h.CPUType) == "":
		fs.Add(at.Name("cpu_type"), "Empty CPU type", "Write host-model, host-passthrough, maximum or a CPU model, "+
			"or leave it out.")
	case !cpuTypeForm.MatchString(*h.CPUType):
		fs.Add(at.Name("cpu_type"), "Invalid CPU type", fmt.Sprintf("%q is not the name of a CPU model, such as "+
			"Skylake-Client-IBRS or EPYC.", *h.CPUType))
	}
	oneOf(&fs, at.Name("firmware"), "Unknown firmware", h.Firmware, Firmwares())
	within(&fs, at.Name("gpu_count"), h.GPUCount, 0, 16)
	if h.GPUType != nil && !gpuType.MatchString(*h.GPUType) {
		fs.Add(at.Name("gpu_type"), "Invalid GPU type", fmt.Sprintf("%q is not a PCI id: write the vendor's and the "+
			"device's as `lspci -n` shows them, such as \"10de:1eb8\".", *h.GPUType))
	}
	return fs
}

// Missing returns findings for fields that are left out and have no default, and that another
// profile, laid over h, may still set; h may be nil.
func (h *Hardware) Missing() finding.List {
	var fs finding.List
	if h != nil && or(h.GPUCount, 0) > 0 && h.GPUType == nil {
		fs.Add(finding.At("hardware_profile").Name("gpu_type"), "Missing GPU type",
			"gpu_count asks for GPUs, but gpu_type "+
				"is not set: set it to their PCI id, such as \"10de:1eb8\".")
	}
	return fs
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

func within(fs *finding.List, at finding.Path, v *int64, low, high int64) {
	if v != nil && (*v < low || *v > high) {
		fs.Add(at, "Value out of range", fmt.Sprintf("%d is not between %d and %d.", *v, low, high))
	}
}

func oneOf(fs *finding.List, at finding.Path, summary string, v *string, known []string) {
	if v != nil && !slices.Contains(known, *v) {
		fs.Add(at, summary, fmt.Sprintf("%q is not one of %s.", *v, strings.Join(known, ", ")))
	}
}
