// Package kinds lists the kinds of source that there are. A new kind is a new package, a line here,
// and its attributes in the schema.
package kinds

import (
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
	"github.com/novacron/terraform-provider-novacron/internal/source/web"
)

// All are the kinds, in the order in which messages list them.
var All = source.Kinds{file.Kind, web.Kind, onhost.VolumeKind, onhost.InstanceKind}
