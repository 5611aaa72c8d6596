package attribute

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

var hardwareTypes = map[string]attr.Type{
	"cpu_count": types.Int64Type,
	"cpu_cores": types.Int64Type,
	"cpu_type":  types.StringType,
	"memory_mb": types.Int64Type,
	"firmware":  types.StringType,
	"gpu_count": types.Int64Type,
	"gpu_type":  types.StringType,
}

// HardwareAttribute is the schema of hardware_profile.
func HardwareAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"cpu_count": schema.Int64Attribute{
				Optional: true, MarkdownDescription: "CPU sockets, 1 to 64. Default: 1.",
			},
			"cpu_cores": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "Cores of each socket, 1 to 512. The guest has `cpu_count * cpu_cores` " +
					"vCPUs. For a container it is a limit: the CPU time of that many processors. Default: 1."},
			"cpu_type": schema.StringAttribute{Optional: true,
				MarkdownDescription: "CPU that the guest sees: `host-model`, `host-passthrough`, `maximum`, or " +
					"a model that libvirt knows. Under software emulation, the first three all mean `maximum`. " +
					"Default: `host-model`. Not allowed for containers."},
			"memory_mb": schema.Int64Attribute{
				Optional: true, MarkdownDescription: "Memory in MiB, at least 32. Default: 1024.",
			},
			"firmware": schema.StringAttribute{Optional: true,
				MarkdownDescription: "`bios` or `efi`; the image must be made for it. With `efi`, the host " +
					"chooses its build, and keeps its variables with the instance. Default: `bios`. Not allowed for " +
					"containers."},
			"gpu_count": schema.Int64Attribute{Optional: true,
				MarkdownDescription: "How many of the host's GPUs the instance gets for itself, up to 16. Each " +
					"comes with the other functions of its card. GPUs need an IOMMU and, in most cases, an " +
					"image with EFI. Default: 0. Not allowed for containers."},
			"gpu_type": schema.StringAttribute{Optional: true,
				MarkdownDescription: "Type of the GPUs: PCI id of vendor and device, such as `10de:1eb8`, as " +
					"`lspci -n` shows it on the host. Required with `gpu_count`. Not allowed for containers."},
		},
	}
}

// Hardware reads a hardware_profile.
func Hardware(o types.Object) (*profile.Hardware, bool) {
	return object(o, func(r reader) *profile.Hardware {
		h := &profile.Hardware{
			CPUCount: r.int("cpu_count"),
			CPUCores: r.int("cpu_cores"),
			CPUType:  r.string("cpu_type"),
			MemoryMB: r.int("memory_mb"),
			Firmware: r.string("firmware"),
			GPUCount: r.int("gpu_count"),
			GPUType:  r.string("gpu_type"),
		}
		if v := r.attributes["gpu_type"]; v != nil && v.IsUnknown() {
			h.GPUCount = nil // a count means nothing without a type
		}
		return h
	})
}

// HardwareObject writes a hardware_profile.
func HardwareObject(h *profile.Hardware) types.Object {
	if h == nil {
		return types.ObjectNull(hardwareTypes)
	}
	return types.ObjectValueMust(hardwareTypes, map[string]attr.Value{
		"cpu_count": types.Int64PointerValue(h.CPUCount), "cpu_cores": types.Int64PointerValue(h.CPUCores),
		"cpu_type": types.StringPointerValue(h.CPUType), "memory_mb": types.Int64PointerValue(h.MemoryMB),
		"firmware": types.StringPointerValue(h.Firmware), "gpu_count": types.Int64PointerValue(h.GPUCount),
		"gpu_type": types.StringPointerValue(h.GPUType),
	})
}
