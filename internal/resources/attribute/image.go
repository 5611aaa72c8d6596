package attribute

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// RootImage is the part of a model that a version has of its container image. Embed it.
type RootImage struct {
	OCIDigest    types.String `tfsdk:"oci_digest"`
	Architecture types.String `tfsdk:"architecture"`
	ExposedPorts types.List   `tfsdk:"exposed_ports"`
	ImageConfig  types.Object `tfsdk:"image_config"`
}

var imageConfigTypes = map[string]attr.Type{
	"entrypoint":   textsType,
	"command":      textsType,
	"env":          variablesType,
	"working_dir":  types.StringType,
	"user":         types.StringType,
	"stop_signal":  types.StringType,
	"volumes":      textsType,
	"labels":       variablesType,
	"health_check": types.ObjectType{AttrTypes: healthTypes},
}

// RootImageAttributes are the schemas of the attributes of RootImage.
func RootImageAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	list := func(description string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	texts := func(description string) schema.MapAttribute {
		return schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
	}
	number := func(description string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"oci_digest": schema.StringAttribute{
			Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "Digest of the manifest of the OCI image that was registered, `sha256:…`, as " +
				"registries have it. The same image in another form or compression has another one, or none, and is " +
				"still the image of this version. Null for the disk of a virtual machine, and for an image that came " +
				"without a manifest.",
		},
		"architecture": schema.StringAttribute{
			Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "Processors that a container's image is for: `amd64` or `arm64`. Null if the image " +
				"does not say, and for the disk of a virtual machine.",
		},
		"exposed_ports": schema.ListAttribute{
			Computed: true, ElementType: types.StringType,
			PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "Ports that the application of a container's image listens on, such as `80/tcp`. " +
				"They can be reached at the container's own address. Null for the disk of a virtual machine.",
		},
		"image_config": schema.SingleNestedAttribute{
			Computed: true, PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
			MarkdownDescription: "What a container's image says about how to run it. `container` is laid over that. " +
				"Null for the disk of a virtual machine.",
			Attributes: map[string]schema.Attribute{
				"entrypoint":  list("The program and its first arguments."),
				"command":     list("Arguments after those of the entrypoint, or the program and its arguments."),
				"env":         texts("Environment."),
				"working_dir": text("Directory in which the application starts; null for `/`."),
				"user":        text("User of the application; null for root."),
				"stop_signal": text("The signal that asks the application to stop; null for `SIGTERM`."),
				"volumes":     list("Directories in which the application keeps data: give them data disks."),
				"labels":      texts("Labels of the image."),
				"health_check": schema.SingleNestedAttribute{
					Computed: true, MarkdownDescription: "Command that shows whether the application is healthy.",
					Attributes: map[string]schema.Attribute{
						"command":              list("The form and the command, as in `container.health_check`."),
						"interval_seconds":     number("Time between two checks, in seconds."),
						"timeout_seconds":      number("How long a check may run, in seconds."),
						"retries":              number("How many checks have to fail one after another."),
						"start_period_seconds": number("How long failed checks do not count, in seconds."),
					},
				},
			},
		},
	}
}

// Refresh copies what the catalog has; nil for the disk of a machine.
func (m *RootImage) Refresh(r *catalog.RootImage) {
	*m = RootImage{
		OCIDigest:    types.StringNull(),
		Architecture: types.StringNull(),
		ExposedPorts: types.ListNull(types.StringType),
		ImageConfig:  types.ObjectNull(imageConfigTypes),
	}
	if r == nil {
		return
	}
	m.OCIDigest = OptionalString(r.Manifest)
	m.Architecture = OptionalString(r.Architecture)
	m.ExposedPorts = types.ListValueMust(types.StringType, texts(r.ExposedPorts))
	m.ImageConfig = types.ObjectValueMust(imageConfigTypes, map[string]attr.Value{
		"entrypoint":   filledList(r.Entrypoint),
		"command":      filledList(r.Command),
		"env":          filledMap(r.Env),
		"working_dir":  OptionalString(r.WorkingDir),
		"user":         OptionalString(r.User),
		"stop_signal":  OptionalString(r.StopSignal),
		"volumes":      filledList(r.Volumes),
		"labels":       filledMap(r.Labels),
		"health_check": healthObject(r.HealthCheck),
	})
}

// filledList writes a list, or null for an empty one: a catalog does not keep them apart.
func filledList(all []string) types.List {
	if len(all) == 0 {
		return types.ListNull(types.StringType)
	}
	return textList(all)
}

// filledMap writes a map, or null for an empty one.
func filledMap(all map[string]string) types.Map {
	if len(all) == 0 {
		return types.MapNull(types.StringType)
	}
	return textMap(all)
}
