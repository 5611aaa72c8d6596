package templateversion

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/profile"
)

// Schema implements resource.Resource.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A version of a template: an image, and the profiles and parameters that are in force when it is registered. " +
			"A version that is not a draft never changes, but for its description, state and protection; a draft follows its template, until it is " +
			"published. An image is stored once in the pool, however many versions have it, and " +
			"goes with the last of them; a version that linked clones hang on cannot be destroyed.",
		Attributes: attributes(),
		Blocks: map[string]schema.Block{"timeouts": timeouts.Block(ctx, timeouts.Opts{
			Create: true, CreateDescription: "How long storing the image may take, such as `90s` or `1h`. Default: `30m`.",
			Delete: true, DeleteDescription: "How long removing the version may take. It has to be applied before the destroy that it shall work on. Default: `5m`.",
		})},
	}
}

func attributes() map[string]schema.Attribute {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	keepNumber := []planmodifier.Int64{int64planmodifier.UseStateForUnknown()}
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	replaceObject := []planmodifier.Object{objectplanmodifier.RequiresReplace()}
	hardware := profile.HardwareAttribute("Shape of the machine, instead of the template's whole profile. A change replaces the version.")
	network := profile.NetworkAttribute("Network interfaces, instead of the template's whole profile. A change replaces the version.")
	storage := profile.StorageAttribute("Disks, instead of the template's whole profile. A change replaces the version.")
	parameters := profile.ParametersAttribute("Parameters, instead of all of the template's. A change replaces the version.")
	cloudInit := profile.CloudInitAttribute("What guests are told at first boot, instead of the template's. A change replaces the version.")
	cloudInit.PlanModifiers = replaceObject
	hardware.PlanModifiers, network.PlanModifiers, storage.PlanModifiers = replaceObject, replaceObject, replaceObject
	parameters.PlanModifiers = []planmodifier.Map{mapplanmodifier.RequiresReplace()}
	all := map[string]schema.Attribute{
		"id": schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "The version's id, `tenant/name@1.1.0`."},
		"template_id": schema.StringAttribute{
			Required: true, PlanModifiers: replace,
			Validators:          []validator.String{face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err })},
			MarkdownDescription: "The template's id, `tenant/name`. A change replaces the version.",
		},
		"version": schema.StringAttribute{
			Required: true, PlanModifiers: replace,
			Validators:          []validator.String{face.Valid(func(s string) error { _, err := catalog.ParseVersion(s); return err })},
			MarkdownDescription: "Semantic version, written in full: `1.1.0` or `1.1.0-rc.1`. A change replaces the version.",
		},
		"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What is new."},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Refuse to destroy or replace the version while `true`. Default: `false`.",
		},
		"source": sourceAttribute(),
		"parent_version": schema.StringAttribute{
			Optional: true, PlanModifiers: replace,
			Validators: []validator.String{face.Valid(func(s string) error { _, err := catalog.ParseVersion(s); return err })},
			MarkdownDescription: "A version of the same template, such as `1.0.0`. The image is compared with that version's, and only what differs is sent and " +
				"stored. The parent cannot be destroyed while this version is there. Not with `source.instance_id`. A change replaces the version. See " +
				"the guide [Incremental versions](../guides/incremental-versions).",
		},
		"verify": schema.StringAttribute{
			Optional:   true,
			Validators: []validator.String{stringvalidator.OneOf(verifySize, verifyFull)},
			MarkdownDescription: "How the stored image is verified before the version is there. `size` (default): the host finds the disk that was sent, and " +
				"the pool has kept all of it. `full`: the stored image is read back, and its digest compared. A change to `full` reads it back then.",
		},
		"hardware_profile": hardware, "network_profile": network, "storage_profile": storage, "parameters": parameters, "cloud_init": cloudInit,
		"digest":             schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "`sha256:…` of the image, after decompression."},
		"format":             schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "Format of the stored image: `qcow2` or `raw`."},
		"virtual_size_bytes": schema.Int64Attribute{Computed: true, PlanModifiers: keepNumber, MarkdownDescription: "Size of the disk that a guest sees, in bytes."},
		"stored_size_bytes":  schema.Int64Attribute{Computed: true, PlanModifiers: keepNumber, MarkdownDescription: "Size of the stored image, in bytes; with `parent_version`, of what differs."},
		"transferred_bytes": schema.Int64Attribute{Computed: true, PlanModifiers: keepNumber, MarkdownDescription: "Bytes that were sent to the host, or " +
			"copied on it, to register the version; holes are not among them. 0 where the pool had the image, or its file system shares the file's blocks."},
		"storage_location": schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "Path of the stored image on the host."},
		"created_at":       schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "When the version was registered (RFC 3339, UTC)."},
		"created_by":       schema.StringAttribute{Computed: true, PlanModifiers: keep, MarkdownDescription: "The user who registered the version."},
		"provisioning":     provisioningAttribute(),
	}
	maps.Copy(all, profile.LifecycleAttributes("version"))
	return all
}
