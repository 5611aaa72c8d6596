package vm

import (
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Part is the part of a blueprint that only machines have.
type Part struct {
	Machine       profile.Machine
	UserData      string // the template's own, rendered; "" for none, or if a parameter is not known yet
	Customization *guest.Customization
}

// Told implements kind.Part.
func (p *Part) Told() string { return p.Customization.Digest() }

// Reports implements kind.Part.
func (p *Part) Reports() bool { return guest.Reports(p.UserData, p.Customization) }

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
	p := &Part{Machine: b.Hardware.Machine(), Customization: r.Customization}
	b.Part = p
	if r.Seeded {
		return nil
	}
	fs := checkKey(*b)
	userData, more := renderUserData(*b, sound && len(fs) == 0)
	p.UserData = userData
	fs = append(fs, more...)
	return append(fs, p.checkFirstBoot(r.WaitFor)...)
}

// checkKey reports that the parameter for an SSH key does not hold one.
func checkKey(b kind.Blueprint) finding.List {
	var fs finding.List
	declared := b.Version.Spec.Parameters
	if key := parameter.Targeted(declared, b.Parameters, parameter.TargetSSHKey); key != "" {
		if err := guest.ValidSSHKey(key); err != nil {
			fs.Add(parameter.TargetPath(declared, parameter.TargetSSHKey), "Invalid SSH key", err.Error())
		}
	}
	return fs
}

// checkFirstBoot reports what the guest could not do at its first boot, or not report.
func (p *Part) checkFirstBoot(waitFor []string) finding.List {
	if large := p.checkSeed(); len(large) > 0 { // reading all of it would take a minute
		return large
	}
	c := p.Customization
	fs := c.Validate(p.UserData)
	if len(fs) == 0 {
		fs = c.ValidateCommands()
	}
	if lacks := guest.LackingToCustomize(p.UserData, c); lacks != "" {
		fs.Add(finding.At("customization"), "Customization needs other modules",
			fmt.Sprintf("In the cloud-config of the template and of customization.user_data, "+
				"%s. cloud-init needs that to carry the customization out: add it there.", lacks))
	} else if lacks := guest.LackingToReport(p.UserData, c); lacks != "" && kind.AwaitsReport(waitFor) {
		fs.Add(finding.At("wait_for"), "No report to wait for",
			fmt.Sprintf("In the cloud-config of the template and of "+
				"customization.user_data, %s. Without that, the guest does not report how its first boot went: add "+
				"it there, or add %q to wait_for, which leaves failures unnoticed.", lacks, kind.NoReport))
	}
	return fs
}

// renderUserData renders the template's user data, if all values for it are there, and reports
// values that break it.
func renderUserData(b kind.Blueprint, sound bool) (string, finding.List) {
	spec := b.Version.Spec
	for _, v := range b.Parameters {
		sound = sound && v != nil
	}
	if !sound || spec.CloudInit == nil {
		return "", nil
	}
	rendered, err := spec.CloudInit.Render(spec.Parameters, b.Parameters)
	if err == nil {
		err = guest.CheckCloudConfig(rendered)
	}
	if err != nil {
		return "", finding.List{{Path: finding.At("parameters"), Summary: "Parameters make user data invalid",
			Detail: fmt.Sprintf(
				"The cloud_init.user_data of version %q, rendered with these parameters, cannot be used: %v. Where "+
					"the template inserts a bare value, its author may use quote or json.", b.Version.ID, err)}}
	}
	return rendered, nil
}

// hostname is the hostname that the guest is to use.
func hostname(b kind.Blueprint, instance string) string {
	if h := parameter.Targeted(b.Version.Spec.Parameters, b.Parameters, parameter.TargetHostname); h != "" {
		return h
	}
	return instance
}
