package templateversion

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

// Facts are the attributes that the resource and the data source have in common.
type Facts struct {
	ID                 types.String `tfsdk:"id"`
	TemplateID         types.String `tfsdk:"template_id"`
	Version            types.String `tfsdk:"version"`
	Description        types.String `tfsdk:"description"`
	DeletionProtection types.Bool   `tfsdk:"deletion_protection"`
	ParentVersion      types.String `tfsdk:"parent_version"`
	attribute.Lifecycle
	attribute.Spec
	Warm             types.Object `tfsdk:"warm"`
	WarmSnapshot     types.Object `tfsdk:"warm_snapshot"`
	Digest           types.String `tfsdk:"digest"`
	Format           types.String `tfsdk:"format"`
	VirtualSizeBytes types.Int64  `tfsdk:"virtual_size_bytes"`
	StoredSizeBytes  types.Int64  `tfsdk:"stored_size_bytes"`
	TransferredBytes types.Int64  `tfsdk:"transferred_bytes"`
	StorageLocation  types.String `tfsdk:"storage_location"`
	attribute.RootImage
	CreatedAt    types.String `tfsdk:"created_at"`
	CreatedBy    types.String `tfsdk:"created_by"`
	Provisioning types.Object `tfsdk:"provisioning"`
}

// Model is the state or configuration of a version.
type Model struct {
	Facts
	Source   types.Object   `tfsdk:"source"`
	Verify   types.String   `tfsdk:"verify"`
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

// computed copies the attributes that only the catalog knows.
func (m *Facts) computed(v catalog.Version, location string) {
	m.ID = types.StringValue(v.ID.String())
	m.Digest, m.Format = types.StringValue(v.Digest), types.StringValue(v.Format)
	m.VirtualSizeBytes, m.StoredSizeBytes = types.Int64Value(v.VirtualSize), types.Int64Value(v.StoredSize)
	m.TransferredBytes, m.StorageLocation = types.Int64Value(v.Transferred), types.StringValue(location)
	m.RootImage.Refresh(v.Root)
	m.Lifecycle.Published(v.Lifecycle)
	m.CreatedAt, m.CreatedBy = types.StringValue(v.CreatedAt.Format(time.RFC3339)), types.StringValue(v.CreatedBy)
	m.Provisioning = provisioning(v.Registration)
}

// fromVersion copies a version of the catalog, with the spec to show: the version's overrides
// alone, or the whole spec.
func (m *Facts) fromVersion(v catalog.Version, spec catalog.Spec, location string) {
	m.computed(v, location)
	m.TemplateID, m.Version = types.StringValue(v.ID.Template.String()), types.StringValue(v.ID.Version)
	m.Description = attribute.KeepString(m.Description, v.Description)
	m.DeletionProtection = types.BoolValue(v.DeletionProtection)
	m.ParentVersion = attribute.OptionalString(v.Parent)
	m.Spec.Refresh(spec)
	m.Lifecycle.Refresh(v.Lifecycle)
	m.Warm = attribute.KeepWarm(m.Warm, v.Warm)
}

// settings returns what a version may change in place.
func (m *Facts) settings() library.VersionSettings {
	lifecycle := m.Lifecycle.Core()
	warm, _ := attribute.Warm(m.Warm)
	return library.VersionSettings{
		Description: m.Description.ValueString(), DeletionProtection: m.DeletionProtection.ValueBool(),
		State: lifecycle.State, Deprecation: lifecycle.Deprecation, Warm: warm,
	}
}

// alike reports whether nothing has changed that makes the schema replace the version. The
// framework does not tell a plan whether the schema does.
func (m *Facts) alike(before *Facts) bool {
	return m.TemplateID.Equal(before.TemplateID) && m.Version.Equal(before.Version) &&
		m.ParentVersion.Equal(before.ParentVersion) &&
		m.HardwareProfile.Equal(before.HardwareProfile) && m.NetworkProfile.Equal(before.NetworkProfile) &&
		m.StorageProfile.Equal(before.StorageProfile) && m.Parameters.Equal(before.Parameters) &&
		m.CloudInit.Equal(before.CloudInit) && m.Container.Equal(before.Container)
}

// plannedID returns the version's id if the configuration already determines it.
func (m *Facts) plannedID() (catalog.VersionID, bool) {
	template, err := catalog.ParseTemplateID(m.TemplateID.ValueString())
	return template.Version(m.Version.ValueString()), err == nil && !m.Version.IsUnknown()
}
