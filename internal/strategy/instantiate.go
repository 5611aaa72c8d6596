package strategy

import "github.com/novacron/terraform-provider-novacron/internal/catalog"

// instantiate resumes the guest from the version's warm snapshot. The disk is an overlay, as that of a
// linked clone: on the snapshot's disk, or, if the guest boots, on the image.
type instantiate struct{ linked }

func (instantiate) Name() catalog.Strategy { return "instantiate" }
func (instantiate) Summary() string        { return "resumed from a warm snapshot, without a boot" }
func (instantiate) Resumes() bool          { return true }
