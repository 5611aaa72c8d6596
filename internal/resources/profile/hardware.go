package profile

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

var hardwareTypes = map[string]attr.Type{
	"cpu_count": types.Int64Type, "cpu_cores": types.Int64Type, "cpu_type": types.StringType, "memory_mb": types.Int64Type,
}

// HardwareAttribute is the schema of hardware_profile.
func HardwareAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"cpu_count": schema.Int64Attribute{Optional: true, MarkdownDescription: "CPU sockets, 1 to 64. Default: 1."},
			"cpu_cores": schema.Int64Attribute{Optional: true, MarkdownDescription: "Cores of each socket, 1 to 512. The guest has " +
				"`cpu_count * cpu_cores` vCPUs. Default: 1."},
			"cpu_type": schema.StringAttribute{Optional: true, MarkdownDescription: "CPU that the guest sees: `host-model`, " +
				"`host-passthrough`, `maximum`, or a model that libvirt knows. Under software emulation the first three are all " +
				"`maximum`. Default: `host-model`."},
			"memory_mb": schema.Int64Attribute{Optional: true, MarkdownDescription: "Memory in MiB, at least 32. Default: 1024."},
		},
	}
}

// Hardware reads a hardware_profile.
func Hardware(o types.Object) (*catalog.HardwareProfile, bool) {
	return object(o, func(r reader) *catalog.HardwareProfile {
		return &catalog.HardwareProfile{
			CPUCount: r.int("cpu_count"), CPUCores: r.int("cpu_cores"), CPUType: r.string("cpu_type"), MemoryMB: r.int("memory_mb"),
		}
	})
}

// HardwareObject writes a hardware_profile.
func HardwareObject(h *catalog.HardwareProfile) types.Object {
	if h == nil {
		return types.ObjectNull(hardwareTypes)
	}
	return types.ObjectValueMust(hardwareTypes, map[string]attr.Value{
		"cpu_count": types.Int64PointerValue(h.CPUCount), "cpu_cores": types.Int64PointerValue(h.CPUCores),
		"cpu_type": types.StringPointerValue(h.CPUType), "memory_mb": types.Int64PointerValue(h.MemoryMB),
	})
}
