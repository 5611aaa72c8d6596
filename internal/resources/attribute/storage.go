package attribute

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

var (
	diskTypes = map[string]attr.Type{
		"size_gb":        types.Int64Type,
		"type":           types.StringType,
		"storage_tier":   types.StringType,
		"is_boot":        types.BoolType,
		"is_system_disk": types.BoolType,
		"mount_path":     types.StringType,
	}
	diskType     = types.ObjectType{AttrTypes: diskTypes}
	storageTypes = map[string]attr.Type{"disks": types.MapType{ElemType: diskType}}
)

// StorageAttribute is the schema of storage_profile.
func StorageAttribute(description string) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: description,
		Attributes: map[string]schema.Attribute{
			"disks": schema.MapNestedAttribute{
				Optional: true,
				MarkdownDescription: "Disks by name. Default: one disk `system` of the image's size.\n" +
					"  - The system disk comes from the version's image and is the guest's first disk. The others " +
					"are blank and, in a new guest, follow in the order of their names.\n" +
					"  - A disk's name is its serial number, by which the guest finds it whatever the " +
					"device is called: `/dev/disk/by-id/virtio-NAME`, with the first 20 characters of the name; for " +
					"a disk with a `type`, `/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_NAME`.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"size_gb": schema.Int64Attribute{Optional: true,
						MarkdownDescription: "Size in GiB. Required for blank disks. A machine's system disk grows " +
							"from the image to a larger size; default: the image's size. A container's system disk " +
							"lies over the image, and has any size; default: 10."},
					"type": schema.StringAttribute{Optional: true,
						MarkdownDescription: "What the guest is told about the disk; " +
							"`storage_tier` says where the disk really is. The host decides about caching " +
							"in any case.\n  - Not set: attached as virtio-blk (`/dev/vda`, …), which tells the " +
							"guest nothing. Discarded blocks return to the pool.\n" +
							"  - `ssd`: has no moving parts; attached by virtio-scsi (`/dev/sda`, …). Discarded " +
							"blocks return to the pool.\n  - `hdd`: rotates 7,200 times a minute; attached by " +
							"virtio-scsi (`/dev/sda`, …). Discarded blocks stay allocated, so that holes do not " +
							"scatter later writes.\n  - Not allowed for containers, which get a file system."},
					"storage_tier": schema.StringAttribute{Optional: true,
						MarkdownDescription: "Tier of the provider's `storage_tiers`, in whose pool the disk " +
							"is created. Default: the library's own pool. The system disk of a linked clone " +
							"may be on a tier: its base stays in the library. Mapping a tier to another pool " +
							"moves no existing disk."},
					"is_boot": schema.BoolAttribute{Optional: true,
						MarkdownDescription: "Whether the machine boots from this disk. If nothing boots from " +
							"it, the system disk is tried next. Default: the system disk. Not allowed for containers."},
					"is_system_disk": schema.BoolAttribute{Optional: true,
						MarkdownDescription: "Whether the image goes onto this disk. Default: the disk named " +
							"`system`, or the only one if it has no `mount_path`."},
					"mount_path": schema.StringAttribute{Optional: true,
						MarkdownDescription: "Directory where a container has this disk, an absolute path, such as " +
							"`/var/lib/data`. Required for data disks of containers, and not allowed for their " +
							"system disk, which is at `/`, nor for virtual machines. A new disk gets the owner and " +
							"the permissions that the directory has in the image."},
				}},
			},
		},
	}
}

// assumedSize stands for an unknown size_gb. It is large enough that no mistake is reported before
// the size is known.
const assumedSize = 1 << 16

// Storage reads a storage_profile.
func Storage(o types.Object) (*profile.Storage, bool) {
	return object(o, func(r reader) *profile.Storage {
		return &profile.Storage{Disks: objects(r, "disks", func(r reader) profile.Disk {
			d := profile.Disk{
				SizeGB: r.int("size_gb"),
				Type:   r.string("type"),
				Tier:   r.string("storage_tier"),
				Boot:   r.bool("is_boot"),
				System: r.bool("is_system_disk"),

				MountPath: r.string("mount_path"),
			}
			if size := r.attributes["size_gb"]; size != nil && size.IsUnknown() {
				assumed := int64(assumedSize)
				d.SizeGB = &assumed
			}
			return d
		})}
	})
}

// StorageObject writes a storage_profile.
func StorageObject(s *profile.Storage) types.Object {
	if s == nil {
		return types.ObjectNull(storageTypes)
	}
	return types.ObjectValueMust(storageTypes,
		map[string]attr.Value{"disks": mapOf(s.Disks, diskType, func(d profile.Disk) map[string]attr.Value {
			return map[string]attr.Value{
				"size_gb":        types.Int64PointerValue(d.SizeGB),
				"type":           types.StringPointerValue(d.Type),
				"storage_tier":   types.StringPointerValue(d.Tier),
				"is_boot":        types.BoolPointerValue(d.Boot),
				"is_system_disk": types.BoolPointerValue(d.System),
				"mount_path":     types.StringPointerValue(d.MountPath),
			}
		})})
}
