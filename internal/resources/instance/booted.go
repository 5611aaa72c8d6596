package instance

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// warnBooted warns of a guest that has booted, although it was to be resumed.
func warnBooted(diags *diag.Diagnostics, name string, record provision.Record) {
	if record.Booted != nil {
		diags.AddAttributeWarning(path.Root("strategy"), "Guest was booted", fmt.Sprintf("The guest of instance %q "+
			"was to be resumed from a warm snapshot, and has booted instead, like that of a linked clone: %s", name,
			finding.Sentence(record.Booted)))
	}
}
