package templateversion

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
)

// What verify says.
const (
	verifySize = "size"
	verifyFull = "full"
)

// source reads where the image comes from, without headers; known is false when some of it is not known yet.
func (m *Model) source() (s transfer.Source, known bool) {
	known = !m.Source.IsUnknown()
	a := m.Source.Attributes()
	read := func(name string) string {
		v, _ := a[name].(types.String)
		known = known && !v.IsUnknown()
		return v.ValueString()
	}
	s = transfer.Source{Path: read("path"), URL: read("url"), Volume: read("volume"), Instance: read("instance_id"), Checksum: read("checksum")}
	stall, _ := a["stall_timeout_seconds"].(types.Int64)
	s.Stall = time.Duration(stall.ValueInt64()) * time.Second
	return s, known && !stall.IsUnknown()
}

// headers are in a configuration only.
func (m *Model) headers() map[string]string {
	set, _ := m.Source.Attributes()["headers"].(types.Map)
	headers := make(map[string]string, len(set.Elements()))
	for name, value := range set.Elements() {
		if text, ok := value.(types.String); ok {
			headers[name] = text.ValueString()
		}
	}
	return headers
}

// headersKnown tells whether all headers of a configuration have values.
func (m *Model) headersKnown() bool {
	set, _ := m.Source.Attributes()["headers"].(types.Map)
	known := !set.IsUnknown()
	for _, value := range set.Elements() {
		known = known && !value.IsUnknown()
	}
	return known
}

func sourceAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Required: true,
		MarkdownDescription: "Where the image is: exactly one of `path`, `url`, `volume` and `instance_id`. A raw disk or a qcow2 image, plain or compressed " +
			"with gzip, xz, zstd or bzip2, as its content tells; one that needs another file (a backing file or an external data file) or a key is refused. " +
			"Another source replaces the version where it is, or may be, another image.",
		Attributes: map[string]schema.Attribute{
			"path": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "A file on the machine that runs Terraform. It is looked at by every plan: one that has become another image is an " +
					"error, for which a new version is the answer. The file must be there when Terraform plans to register it; where another resource of " +
					"the configuration makes it, take the path from an attribute that is known only once the file is there. A version that is registered " +
					"does not need its file, nor does destroying it.",
			},
			"url": schema.StringAttribute{Optional: true, MarkdownDescription: "`http` or `https` address, read by the machine that runs Terraform; " +
				"`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` apply. A download that was cut goes on where it was, if the server still has the same file."},
			"headers": schema.MapAttribute{
				Optional: true, WriteOnly: true, ElementType: types.StringType,
				MarkdownDescription: "HTTP headers that are sent with requests for `url`, such as `Authorization`: to its own server only, not where that redirects " +
					"to. Write-only: neither in plans nor in the state. Needs Terraform 1.11 or later. A change does nothing by itself.",
			},
			"stall_timeout_seconds": schema.Int64Attribute{
				Optional:            true,
				Validators:          []validator.Int64{int64validator.AtLeast(1)},
				MarkdownDescription: "How long the server of `url` may send nothing before the download fails. Default: 60. A change does nothing by itself.",
			},
			"volume": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "A volume on the host, `POOL/VOLUME`, which no running guest may be writing to. It is read through libvirt, by way of the " +
					"machine that runs Terraform, and not looked at again once the version is registered.",
			},
			"instance_id": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "The `id` of an instance of yours that is stopped, whose system disk becomes the image. The host copies it, together with what " +
					"a linked clone stands on, so that the image depends on nothing. What is in the guest is copied as it is: see the guide " +
					"[Golden images](../guides/golden-images) for what to remove first.",
			},
			"checksum": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "`sha256:…` or `sha512:…` of the file as it is at its source, compressed or not. An image that the pool has already, or was " +
					"read from a file of that checksum before, is not sent, and not even downloaded.",
			},
		},
	}
}
