package vm

import (
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Part is the part of a blueprint that only machines have.
type Part struct {
	Machine profile.Machine
	kind.FirstBoot
}

// Note implements kind.Part.
func (p *Part) Note(*metadata.Facts) {}

// PartOf is the part of a machine's blueprint.
func PartOf(b kind.Blueprint) Part {
	if p, ok := b.Part.(*Part); ok {
		return *p
	}
	return Part{}
}

// Decide implements kind.Driver.
func (d *Driver) Decide(r kind.Request, b *kind.Blueprint, sound bool) finding.List {
	p := &Part{Machine: b.Hardware.Machine(), FirstBoot: kind.FirstBoot{Customization: r.Customization}}
	b.Part = p
	if r.Seeded {
		return nil
	}
	fs := b.CheckKey()
	userData, more := b.RenderUserData(sound && len(fs) == 0)
	p.UserData = userData
	fs = append(fs, more...)
	return append(fs, p.checkFirstBoot(r.WaitFor)...)
}

// checkFirstBoot reports what the guest could not do at its first boot, or not report.
func (p *Part) checkFirstBoot(waitFor []string) finding.List {
	if large := p.checkSeed(); len(large) > 0 { // reading all of it would take a minute
		return large
	}
	return p.Check(waitFor)
}
