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
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// Schema implements resource.Resource.
func (r *Resource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A version of a template: an image, with the profiles and parameters in force " +
			"when it was registered. A draft follows its template until it is published; after that, only the " +
			"description, state, protection and warm snapshot of a version change. The pool stores each image once, " +
			"however many versions share it, and removes it with the last of them. While an instance needs a " +
			"version's image, the version cannot be destroyed.",
		Attributes: attributes(),
		Blocks: map[string]schema.Block{"timeouts": timeouts.Block(ctx, timeouts.Opts{
			Create: true, CreateDescription: "How long storing the image and making the warm snapshot may take, " +
				"such as `90s` or `1h`. Default: `30m`.",
			Update: true, UpdateDescription: "How long a change may take, including the warm snapshot. Default: `30m`.",
			Delete: true, DeleteDescription: "How long removing the version may take. Apply a change of this " +
				"value before you destroy the version. Default: `5m`.",
		})},
	}
}

func attributes() map[string]schema.Attribute {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	keepNumber := []planmodifier.Int64{int64planmodifier.UseStateForUnknown()}
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	replaceObject := []planmodifier.Object{objectplanmodifier.RequiresReplace()}
	hardware := attribute.HardwareAttribute("Shape of the instances, instead of the template's whole profile. A " +
		"change replaces the version.")
	network := attribute.NetworkAttribute("Network interfaces, instead of the template's whole profile. A change " +
		"replaces the version.")
	storage := attribute.StorageAttribute("Disks, instead of the template's whole profile. A change replaces " +
		"the version.")
	parameters := attribute.ParametersAttribute("Parameters, instead of all of the template's. A change replaces " +
		"the version.")
	cloudInit := attribute.CloudInitAttribute("What guests get at first boot, instead of the template's. A " +
		"change replaces the version.")
	settings := attribute.ContainerAttribute("How containers run the image, instead of the template's whole " +
		"`container`. Not allowed for virtual machines. A change replaces the version.")
	cloudInit.PlanModifiers, settings.PlanModifiers = replaceObject, replaceObject
	hardware.PlanModifiers, network.PlanModifiers, storage.PlanModifiers = replaceObject, replaceObject, replaceObject
	parameters.PlanModifiers = []planmodifier.Map{mapplanmodifier.RequiresReplace()}
	all := map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "The version's id, `tenant/name@1.1.0`.",
		},
		"template_id": schema.StringAttribute{
			Required: true, PlanModifiers: replace,
			Validators: []validator.String{
				face.Valid(func(s string) error { _, err := catalog.ParseTemplateID(s); return err }),
			},
			MarkdownDescription: "The template's id, `tenant/name`. A change replaces the version.",
		},
		"version": schema.StringAttribute{
			Required: true, PlanModifiers: replace,
			Validators: []validator.String{
				face.Valid(func(s string) error { _, err := catalog.ParseVersion(s); return err }),
			},
			MarkdownDescription: "Semantic version, written in full: `1.1.0` or `1.1.0-rc.1`. A change replaces " +
				"the version.",
		},
		"description": schema.StringAttribute{Optional: true, MarkdownDescription: "What is new."},
		"deletion_protection": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Whether the provider refuses to destroy or replace the version. Default: `false`.",
		},
		"source": sourceAttribute(),
		"parent_version": schema.StringAttribute{
			Optional: true, PlanModifiers: replace,
			Validators: []validator.String{
				face.Valid(func(s string) error { _, err := catalog.ParseVersion(s); return err }),
			},
			MarkdownDescription: "A version of the same template, such as `1.0.0`: only what differs from its " +
				"image is sent and stored (see the guide [Incremental versions](../guides/incremental-versions)). " +
				"The parent cannot be destroyed while this version exists. Not allowed with `source.instance_id`. A " +
				"change replaces the version.",
		},
		"verify": schema.StringAttribute{
			Optional:   true,
			Validators: []validator.String{stringvalidator.OneOf(verifySize, verifyFull)},
			MarkdownDescription: "How the provider verifies the stored image before the version exists.\n" +
				"  - `size` (default): the host finds the disk that was sent, and the pool has kept all of it.\n" +
				"  - `full`: reads the stored image back and compares its digest. A change to `full` does so " +
				"at that time.",
		},
		"hardware_profile": hardware,
		"network_profile":  network,
		"storage_profile":  storage,
		"parameters":       parameters,
		"cloud_init":       cloudInit,
		"container":        settings,
		"warm":             attribute.WarmAttribute(),
		"warm_snapshot":    snapshotAttribute(),
		"digest": schema.StringAttribute{
			Computed: true, PlanModifiers: keep,
			MarkdownDescription: "Identifies the image, after decompression: `fsverity:` and the digits that " +
				"`fsverity digest --compact FILE` prints. Versions that an earlier provider registered, and those " +
				"that share an image with one, keep `sha256:…`.",
		},
		"format": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "Format of the stored image: `qcow2` or `raw`.",
		},
		"virtual_size_bytes": schema.Int64Attribute{
			Computed: true, PlanModifiers: keepNumber,
			MarkdownDescription: "Size of the disk that a guest sees, in bytes.",
		},
		"stored_size_bytes": schema.Int64Attribute{Computed: true, PlanModifiers: keepNumber,
			MarkdownDescription: "Size of the stored image in bytes; with `parent_version`, of the difference."},
		"transferred_bytes": schema.Int64Attribute{Computed: true, PlanModifiers: keepNumber,
			MarkdownDescription: "Bytes that were sent to the host, or copied on it, to register the version, " +
				"without holes. 0 if the pool had the image, or its file system shares the file's blocks."},
		"storage_location": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "Path of the stored image on the host.",
		},
		"created_at": schema.StringAttribute{
			Computed: true, PlanModifiers: keep,
			MarkdownDescription: "When the version was registered (RFC 3339, UTC).",
		},
		"created_by": schema.StringAttribute{
			Computed: true, PlanModifiers: keep, MarkdownDescription: "The user who registered the version.",
		},
		"provisioning": provisioningAttribute(),
	}
	maps.Copy(all, attribute.LifecycleAttributes("version"))
	maps.Copy(all, attribute.RootImageAttributes())
	return all
}
