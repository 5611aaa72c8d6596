package provision

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Blueprint is a request with everything settled: what will be built.
type Blueprint struct {
	Version    catalog.Version
	Strategy   catalog.Strategy
	Parameters parameter.Values // effective; a nil value is not known yet
	Shown      parameter.Values // those of them that are no secrets
	UserData   string           // the template's own, rendered; "" for none, or where a parameter is not known yet
	Machine    profile.Machine
	NICs       []profile.NIC
	Drives     []profile.Drive
	Public     bool // one of the NICs has to be on a public network

	Customization *guest.Customization
}

// Settle decides what a request means with a version, and finds what is wrong with it. It needs no host, so that a
// plan can be told all of it at once.
func Settle(r Request, template catalog.Template, version catalog.Version) (Blueprint, finding.List) {
	b := Blueprint{Version: version, Customization: r.Customization}
	b.Strategy = cmp.Or(r.Strategy, template.DefaultStrategy, strategy.Default().Name())
	declared := version.Spec.Parameters
	var fs finding.List
	b.Parameters, fs = parameter.Resolve(declared, r.Given)
	b.Shown = parameter.Shown(declared, b.Parameters, r.Given.Secrets)
	if !r.Seeded {
		fs = append(fs, b.checkKey()...)
		fs = append(fs, b.renderUserData(len(fs) == 0)...)
	}
	hardware, storage := driven(version.Spec, b.Parameters)
	hardware, storage = r.Hardware.Over(hardware), r.Storage.Over(storage)
	network := r.Network.Over(version.Spec.Network)
	fs = append(fs, hardware.Validate()...)
	fs = append(fs, hardware.Missing()...)
	fs = append(fs, network.Validate()...)
	fs = append(fs, network.Missing()...)
	if broken := storage.Validate(); len(broken) > 0 {
		fs = append(fs, broken...)
	} else {
		fs = append(fs, storage.CheckImage(version.VirtualSize)...)
		b.Drives = storage.Drives()
		if b.Drives[0].Size == 0 {
			b.Drives[0].Size = uint64(version.VirtualSize)
		}
	}
	if !r.Seeded {
		fs = append(fs, b.checkFirstBoot(r)...)
		if _, err := strategy.Of(b.Strategy); err != nil {
			fs.Add(finding.At("strategy"), "Unknown strategy", finding.Sentence(err)+fmt.Sprintf(" Template %q names it as its "+
				"default: set strategy to one of these.", template.ID))
		}
	}
	fs = catalog.BlameDriven(fs, declared, b.Parameters, r.Hardware, r.Storage)
	b.Machine, b.NICs, b.Public = hardware.Machine(), network.NICs(), network.Public()
	if r.Running && slices.Contains(r.WaitFor, WaitIP) && !slices.ContainsFunc(b.NICs, func(n profile.NIC) bool { return n.IP.Any() }) {
		fs.Add(finding.At("wait_for"), "No interface to wait for", "The instance has no network interface with an address "+
			"or DHCP, so it will never have one: add one, or remove \"ip\" from wait_for.")
	}
	return b, append(fs, b.checkMetadata(r)...)
}

// checkKey finds that the key of a parameter is none.
func (b *Blueprint) checkKey() finding.List {
	var fs finding.List
	declared := b.Version.Spec.Parameters
	if key := parameter.Targeted(declared, b.Parameters, parameter.TargetSSHKey); key != "" {
		if err := guest.ValidSSHKey(key); err != nil {
			fs.Add(parameter.TargetPath(declared, parameter.TargetSSHKey), "Invalid SSH key", err.Error())
		}
	}
	return fs
}

// checkFirstBoot finds what the guest could not do at its first boot, or not report.
func (b *Blueprint) checkFirstBoot(r Request) finding.List {
	if large := b.checkSeed(); len(large) > 0 { // to read all that takes a minute
		return large
	}
	c := r.Customization
	fs := c.Validate(b.UserData)
	if len(fs) == 0 {
		fs = c.ValidateCommands()
	}
	if lacks := guest.LackingToCustomize(b.UserData, c); lacks != "" {
		fs.Add(finding.At("customization"), "Customization needs other modules", fmt.Sprintf("In the cloud-config of the template and of customization.user_data, "+
			"%s. cloud-init needs that to carry the customization out: add it there.", lacks))
	} else if lacks := guest.LackingToReport(b.UserData, c); lacks != "" && awaitsReport(r.WaitFor) {
		fs.Add(finding.At("wait_for"), "No report to wait for", fmt.Sprintf("In the cloud-config of the template and of "+
			"customization.user_data, %s. Without that, the guest does not report how its first boot went: add it there, or "+
			"add %q to wait_for, which leaves failures unnoticed.", lacks, NoReport))
	}
	return fs
}

// driven are the profiles of a spec with what parameters drive in them.
func driven(spec catalog.Spec, effective parameter.Values) (*profile.Hardware, *profile.Storage) {
	hardware, storage := catalog.Driven(spec.Parameters, effective)
	return hardware.Over(spec.Hardware), storage.Over(spec.Storage)
}

// Blueprint settles a request for something new with the catalogue and the host as they are now. What is wrong, or not
// allowed, comes as catalog.Findings.
func (p *Provisioner) Blueprint(ctx context.Context, r Request) (Blueprint, error) {
	template, version, err := p.library.Usable(ctx, r.Template.Version(r.Version))
	if err != nil {
		return Blueprint{}, err
	}
	return p.settle(ctx, r, template, version)
}

// BlueprintOf settles a request for a change of an instance with what the instance was made of, whatever became of its
// template and version since; catalog.ErrNotFound where neither its metadata nor the catalogue tells that any more.
func (p *Provisioner) BlueprintOf(ctx context.Context, i Instance, r Request) (Blueprint, error) {
	version, found, err := i.Facts.FrozenVersion()
	if err != nil {
		return Blueprint{}, err
	}
	r.Seeded = true
	template := catalog.Template{ID: r.Template, DefaultStrategy: i.Facts.Strategy}
	if !found { // the instance is older than that metadata keep it
		if template, err = p.library.Template(ctx, r.Template); err != nil {
			return Blueprint{}, err
		}
		if version, err = p.library.Version(ctx, r.Template.Version(r.Version)); err != nil {
			return Blueprint{}, err
		}
	}
	return p.settle(ctx, r, template, version)
}

func (p *Provisioner) settle(ctx context.Context, r Request, template catalog.Template, version catalog.Version) (Blueprint, error) {
	b, findings := Settle(r, template, version)
	if len(findings) == 0 {
		lacking, err := p.CheckHost(ctx, r.Name, b)
		if err != nil {
			return b, err
		}
		findings = lacking
	}
	return b, findings.Err()
}

// renderUserData renders the template's user data, where all values are there for it, and finds values that break it.
func (b *Blueprint) renderUserData(sound bool) finding.List {
	spec := b.Version.Spec
	for _, v := range b.Parameters {
		sound = sound && v != nil
	}
	if !sound || spec.CloudInit == nil {
		return nil
	}
	rendered, err := spec.CloudInit.Render(spec.Parameters, b.Parameters)
	if err == nil {
		err = guest.CheckCloudConfig(rendered)
	}
	if err != nil {
		return finding.List{{Path: finding.At("parameters"), Summary: "Parameters make user data invalid", Detail: fmt.Sprintf(
			"The cloud_init.user_data of version %q, rendered with these parameters, cannot be used: %v. Where the template "+
				"inserts a bare value, its author may use quote or json.", b.Version.ID, err)}}
	}
	b.UserData = rendered
	return nil
}

// Hostname is what the guest is to call itself.
func (b Blueprint) Hostname(instance string) string {
	if h := parameter.Targeted(b.Version.Spec.Parameters, b.Parameters, parameter.TargetHostname); h != "" {
		return h
	}
	return instance
}
