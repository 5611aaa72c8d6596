package kind

import (
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
)

// Blueprint is a request with everything decided: what will be built.
type Blueprint struct {
	Type       string // of the driver that decided its part
	Version    catalog.Version
	Strategy   catalog.Strategy
	Parameters parameter.Values // effective; a nil value is not known yet
	Shown      parameter.Values // those of them that are not secret
	Hardware   *profile.Hardware
	NICs       []profile.NIC
	Drives     []profile.Drive
	Public     bool // one of the NICs must be on a public network
	// Retold says that the guest is to be told again, because secrets have changed.
	Retold bool
	Part   Part // what only the kind understands
}

// Part is the part of a blueprint that only the driver of its kind understands.
type Part interface {
	// Told identifies what the instance's user has told the guest to do at its first boot; "" for
	// nothing.
	Told() string
	// Reports reports whether the guest has something to do at its first boot that it reports on.
	Reports() bool
	// Note adds to the metadata of an instance what they keep of the part.
	Note(f *metadata.Facts)
}

// Secret reports whether the guest is told secret values.
func (b Blueprint) Secret() bool { return len(b.Shown) < len(b.Parameters) }

// Told is Told of its part.
func (b Blueprint) Told() string {
	if b.Part == nil {
		return ""
	}
	return b.Part.Told()
}

// Reports is Reports of its part.
func (b Blueprint) Reports() bool { return b.Part != nil && b.Part.Reports() }

// Note is Note of its part.
func (b Blueprint) Note(f *metadata.Facts) {
	if b.Part != nil {
		b.Part.Note(f)
	}
}

// Customized is what the metadata of a new instance say about its customization; the instance is
// started at once or not.
func (b Blueprint) Customized(started bool) metadata.Customized {
	return metadata.Customized{Digest: b.Told(), Pending: b.Reports() && !started}
}

// Driven are the profiles of a spec, with the settings that parameters drive.
func Driven(spec catalog.Spec, effective parameter.Values) (*profile.Hardware, *profile.Storage) {
	hardware, storage := catalog.Driven(spec.Parameters, effective)
	return hardware.Over(spec.Hardware), storage.Over(spec.Storage)
}
