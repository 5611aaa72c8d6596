package kind

import (
	"cmp"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
)

// FirstBoot is what cloud-init does at the first boot of a guest.
type FirstBoot struct {
	UserData      string // the template's own, rendered; "" for none, or if a parameter is not known yet
	Customization *guest.Customization
}

// Told implements Part.
func (f FirstBoot) Told() string { return f.Customization.Digest() }

// Reports implements Part.
func (f FirstBoot) Reports() bool { return guest.Reports(f.UserData, f.Customization) }

// Check reports what the guest could not do at its first boot, or not report.
func (f FirstBoot) Check(waitFor []string) finding.List {
	fs := f.Customization.Validate(f.UserData)
	if len(fs) == 0 {
		fs = f.Customization.ValidateCommands()
	}
	if lacks := guest.LackingToCustomize(f.UserData, f.Customization); lacks != "" {
		fs.Add(finding.At("customization"), "Customization needs other modules",
			fmt.Sprintf("In the cloud-config of the template and of customization.user_data, "+
				"%s. cloud-init needs that to carry the customization out: add it there.", lacks))
	} else if lacks := guest.LackingToReport(f.UserData, f.Customization); lacks != "" && AwaitsReport(waitFor) {
		fs.Add(finding.At("wait_for"), "No report to wait for",
			fmt.Sprintf("In the cloud-config of the template and of "+
				"customization.user_data, %s. Without that, the guest does not report how its first boot went: add "+
				"it there, or add %q to wait_for, which leaves failures unnoticed.", lacks, NoReport))
	}
	return fs
}

// Seed is what the guest of an instance finds at its first boot.
func (f FirstBoot) Seed(b Blueprint, uuid, instance string) guest.Seed {
	seed := guest.Seed{
		InstanceID: uuid, Hostname: b.Hostname(instance), VendorData: f.UserData, Customization: f.Customization,
	}
	if key := b.targeted(parameter.TargetSSHKey); key != "" {
		seed.SSHAuthorizedKeys = []string{key}
	}
	for _, nic := range b.NICs {
		link := guest.NetworkInterface{
			Name: nic.Name, MAC: nic.MAC, DHCP: nic.IP.DHCP, Addresses: nic.IP.Addresses, DNS: nic.IP.DNS,
		}
		for _, gateway := range nic.IP.Gateways {
			link.Gateways = append(link.Gateways, guest.Gateway{Addr: gateway, OnLink: nic.IP.OnLink(gateway)})
		}
		seed.NetworkInterfaces = append(seed.NetworkInterfaces, link)
	}
	return seed
}

// Hostname is the hostname that the guest of an instance is to use.
func (b Blueprint) Hostname(instance string) string {
	return cmp.Or(b.targeted(parameter.TargetHostname), instance)
}

func (b Blueprint) targeted(target string) string {
	return parameter.Targeted(b.Version.Spec.Parameters, b.Parameters, target)
}

// CheckKey reports that the parameter for an SSH key does not hold one.
func (b Blueprint) CheckKey() finding.List {
	var fs finding.List
	if key := b.targeted(parameter.TargetSSHKey); key != "" {
		if err := guest.ValidSSHKey(key); err != nil {
			fs.Add(parameter.TargetPath(b.Version.Spec.Parameters, parameter.TargetSSHKey), "Invalid SSH key",
				err.Error())
		}
	}
	return fs
}

// RenderUserData renders the template's user data, if all values for it are there and sound, and reports
// values that break it.
func (b Blueprint) RenderUserData(sound bool) (string, finding.List) {
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
