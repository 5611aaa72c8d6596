package templateversion

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/kinds"
)

// Values of the attribute verify.
const (
	verifySize = "size"
	verifyFull = "full"
)

// source returns the source that the model describes. known is false while any part of it is
// unknown. Only a configuration has headers and other write-only attributes.
func (m *Model) source() (s source.Source, known bool) {
	settings, known := settingsOf(m.Source)
	return kinds.All.Source(settings), known
}

// sourceWith returns the planned source. It takes only write-only attributes from the
// configuration, since a plan does not have them. All others come from the plan, which may differ
// from the configuration, for example under ignore_changes.
func (m *Model) sourceWith(config Model) source.Source {
	settings, _ := settingsOf(m.Source)
	written, _ := settingsOf(config.Source)
	for name, a := range sourceAttribute().Attributes {
		if value, is := written[name]; is && a.IsWriteOnly() {
			settings[name] = value
		}
	}
	return kinds.All.Source(settings)
}

// settingsOf reads the attributes that are set in an object. known is false while any of them is
// unknown.
func settingsOf(object types.Object) (settings source.Settings, known bool) {
	settings, known = source.Settings{}, !object.IsUnknown()
	for name, value := range object.Attributes() {
		known = known && !value.IsUnknown()
		if value.IsNull() || value.IsUnknown() {
			continue
		}
		switch value := value.(type) {
		case types.String:
			settings[name] = value.ValueString()
		case types.Int64:
			settings[name] = value.ValueInt64()
		case types.Bool:
			settings[name] = value.ValueBool()
		case types.Map:
			texts := make(map[string]string, len(value.Elements()))
			for key, element := range value.Elements() {
				text, _ := element.(types.String)
				known = known && !text.IsUnknown()
				texts[key] = text.ValueString()
			}
			settings[name] = texts
		case types.Object:
			var all bool
			settings[name], all = settingsOf(value)
			known = known && all
		}
	}
	return settings, known
}

func sourceAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required: true,
		MarkdownDescription: "Where the image is: exactly one of `path`, `url`, `volume` and `instance_id`. " +
			"Its content tells what it is, plain or compressed with gzip, xz, zstd or bzip2. Another source replaces " +
			"the version if its image is, or may be, another one.\n" +
			"  - For a template of machines, it is a raw disk or a qcow2 image. An image that needs another file (a " +
			"backing file or an external data file) or a key is refused.\n" +
			"  - For a template of containers, it is an OCI layout (a tar archive of one, or its directory as " +
			"`path`), the output of `docker save`, a root file system in a tar archive, or a raw ext4 file system. " +
			"If there are images for several platforms, that of the host is taken. The layers become one read-only " +
			"file system, which the pool stores once for all images of the same layers. Put into a temporary file " +
			"(`TMPDIR`), decompressed, are archives from `url`, and OCI layouts and outputs of `docker save` that " +
			"are compressed or from `volume`.",
		Attributes: map[string]schema.Attribute{
			"path": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "A file on the machine that runs Terraform, or a directory with an OCI layout.\n" +
					"  - Every plan checks the file. If it has become another image, the plan fails; register a " +
					"new version instead. An image of a container is known by the digest of its manifest, by its " +
					"configuration's (of `docker save`), or by that of the decompressed archive of its root file " +
					"system.\n" +
					"  - The file must exist when Terraform plans to register it. If another resource of the " +
					"configuration creates it, take the path from an attribute that is known only once the " +
					"file exists.\n  - A registered version does not need its file, and neither does destroying it.",
			},
			"url": schema.StringAttribute{Optional: true,
				MarkdownDescription: "`http` or `https` address. The machine that runs Terraform reads it; " +
					"`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` apply. An interrupted download resumes if the " +
					"server still has the same file."},
			"headers": schema.MapAttribute{
				Optional: true, WriteOnly: true, ElementType: types.StringType,
				MarkdownDescription: "HTTP headers for requests for `url`, such as `Authorization`. They are " +
					"sent to its own server only, not to where it redirects. Write-only (Terraform 1.11 or later): " +
					"neither plans nor the state contain them. A change does nothing by itself.",
			},
			"stall_timeout_seconds": schema.Int64Attribute{
				Optional:   true,
				Validators: []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "How many seconds the server of `url` may send nothing before the download " +
					"fails. Default: 60. A change does nothing by itself.",
			},
			"volume": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "A volume on the host, `POOL/VOLUME`, which no running guest may be writing to. " +
					"The machine that runs Terraform reads it through libvirt, and ignores it once the version " +
					"is registered.",
			},
			"instance_id": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "The `id` of one of your machines, which must be stopped. Its system disk " +
					"becomes the image. The host copies the disk together with what a linked clone stands on, so the " +
					"image depends on nothing. What is in the guest is copied as it is: the guide [Golden " +
					"images](../guides/golden-images) says what to remove first.",
			},
			"checksum": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "`sha256:…` or `sha512:…` of the file at its source, compressed or not. If the " +
					"pool has an image from a file with that checksum, nothing is sent or downloaded.",
			},
		},
	}
}
