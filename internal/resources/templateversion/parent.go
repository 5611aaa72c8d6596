package templateversion

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/source/kinds"
)

// validateParent reports mistakes in parent_version that the configuration alone shows.
func (m *Model) validateParent(diags *diag.Diagnostics) {
	if m.ParentVersion.IsNull() {
		return
	}
	if m.ParentVersion.Equal(m.Version) && !m.Version.IsUnknown() {
		diags.AddAttributeError(path.Root("parent_version"), "Invalid parent version",
			"A version is compared with another one: name an earlier version.")
	}
	for _, kind := range kinds.All {
		if value := m.Source.Attributes()[kind.Attribute]; kind.Whole && value != nil && !value.IsNull() {
			diags.AddAttributeError(path.Root("parent_version"), "Conflicting parent_version and "+kind.Attribute,
				"The host copies the disk of "+kind.Attribute+" as a whole, and nothing is sent: leave "+
					"parent_version out. To store only what differs, give the disk as a file (path) or as a volume.")
		}
	}
}

// checkParent makes sure that the parent version exists or that the same plan creates it.
func (r *Resource) checkParent(plan *Model, id catalog.VersionID, versions []catalog.Version, diags *diag.Diagnostics) {
	parent := plan.ParentVersion.ValueString()
	if parent == "" { // none, or not known yet
		return
	}
	named := func(v catalog.Version) bool { return v.ID.Version == parent }
	if !slices.ContainsFunc(versions, named) && !slices.ContainsFunc(r.Library.Plan.Creates(id.Template), named) {
		face.AddFindings(diags, library.NoSuchParent(id, parent))
	}
}
