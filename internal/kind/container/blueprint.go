package container

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	settings "github.com/novacron/terraform-provider-novacron/internal/catalog/container"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Part is the part of a blueprint that only containers have.
type Part struct {
	kind.FirstBoot // of a system; of an application, only files
	machine        profile.Machine
	system         bool   // process 1 is the image's own init
	privileged     bool   // without a user namespace
	checks         bool   // there is a health check
	seeded         bool   // UserData is not known: the instance was told it
	disk           string // the name of the system disk
	fresh          bool   // what the container writes stays in memory
	// config is what nova-init is told, except for MAC addresses, the revision and the seed; nil if a
	// parameter or a setting is not known yet, or something is wrong.
	config *initd.Config
	told   []metadata.ToldNote // nil if something is wrong
}

// Reports implements kind.Part.
func (p *Part) Reports() bool { return p.system && p.FirstBoot.Reports() }

// Note implements kind.Part.
func (p *Part) Note(f *metadata.Facts) {
	f.Container = &metadata.ContainerNote{System: p.system, Privileged: p.privileged, Disk: p.disk, Told: p.told}
	if !p.system {
		f.Customized.Pending = false
	}
}

// partOf is the part of a container's blueprint.
func partOf(b kind.Blueprint) *Part {
	if p, ok := b.Part.(*Part); ok {
		return p
	}
	return &Part{}
}

// noteOf is what the metadata of an instance keep of how it runs.
func noteOf(i kind.Instance) metadata.ContainerNote {
	if i.Facts.Container == nil {
		return metadata.ContainerNote{}
	}
	return *i.Facts.Container
}

// Decide implements kind.Driver.
func (d *Driver) Decide(r kind.Request, b *kind.Blueprint, sound bool) finding.List {
	asked := r.Container.Over(b.Version.Spec.Container)
	p := &Part{
		machine: b.Hardware.Machine(), system: asked.System(), privileged: asked != nil && is(asked.Privileged),
		FirstBoot: kind.FirstBoot{Customization: r.Customization}, fresh: keepsNothing(b.Strategy),
	}
	b.Part = p
	if b.Version.Root == nil {
		var fs finding.List
		fs.Add(finding.At("version"), "Version has no root file system", fmt.Sprintf("Version %q is of a template of "+
			"containers, and an earlier version of the provider has registered or changed it: remove it, and "+
			"register it again.", b.Version.ID))
		return fs
	}
	if len(b.Drives) == 0 { // something is wrong with them
		return nil
	}
	p.disk = b.Drives[0].Name
	if r.Undecided {
		p.told = p.notes(*b, asked, nil)
		return nil
	}
	fs := p.checkKind(r)
	if !sound || len(fs) > 0 {
		return fs
	}
	for _, v := range b.Parameters {
		if v == nil {
			p.told = p.notes(*b, asked, nil)
			return fs
		}
	}
	rendered, err := asked.Render(b.Version.Spec.Parameters, b.Parameters)
	if found, are := errors.AsType[finding.List](err); are {
		return append(fs, found...)
	} else if err != nil {
		fs.Add(finding.At("container"), "Settings cannot be rendered", finding.Sentence(err))
		return fs
	}
	if rendered == nil {
		rendered = &settings.Settings{}
	}
	config, wrong := p.configure(r, *b, rendered)
	if fs = append(fs, wrong...); len(fs) > 0 {
		return fs
	}
	if fs = append(fs, checkHealth(r, config, rendered)...); len(fs) > 0 {
		return fs
	}
	p.config, p.checks = &config, config.Health != nil
	p.told = p.notes(*b, asked, p.config)
	if p.seeded = r.Seeded; p.system && !p.seeded {
		fs = append(fs, p.checkSystem(b, r.WaitFor)...)
	}
	return fs
}

func is(flag *bool) bool { return flag != nil && *flag }

// checkKind reports what a container cannot have that runs an application, or a system, and that is no
// part of a spec: catalog.ValidateInstance reports that.
func (p *Part) checkKind(r kind.Request) finding.List {
	var fs finding.List
	if p.system {
		for _, c := range []string{kind.WaitHealthy, kind.WaitExited} {
			if slices.Contains(r.WaitFor, c) {
				fs.Add(finding.At("wait_for"), "Nothing to wait for", fmt.Sprintf("With init = \"system\" there is no "+
					"application that nova-init watches: remove %q.", c))
			}
		}
		return fs
	}
	if slices.Contains(r.WaitFor, kind.WaitCloudInit) {
		fs.Add(finding.At("wait_for"), "No cloud-init", fmt.Sprintf("Instance %q cannot be waited for by %q. %s",
			r.Name, kind.WaitCloudInit, catalog.NoCloudInit))
	}
	at, c := finding.At("customization"), r.Customization
	if c == nil {
		return fs
	}
	for name, set := range map[string]bool{
		"install_packages":    len(c.InstallPackages) > 0,
		"open_ports":          c.OpenPorts != nil,
		"ssh_authorized_keys": len(c.SSHAuthorizedKeys) > 0,
		"users":               len(c.Users) > 0,
		"run_commands":        len(c.RunCommands) > 0,
		"timezone":            c.Timezone != "",
		"locale":              c.Locale != "",
		"user_data":           c.UserData != "",
	} {
		if set {
			fs.Add(at.Name(name), "No cloud-init", fmt.Sprintf(
				"Nothing carries out customization.%s of instance %q. %s", name, r.Name, catalog.NoCloudInit))
		}
	}
	slices.SortFunc(fs, func(a, b finding.Finding) int { return cmp.Compare(a.Path.String(), b.Path.String()) })
	return fs
}

// checkHealth reports a health check without a command, and waits for what never comes.
func checkHealth(r kind.Request, c initd.Config, s *settings.Settings) finding.List {
	var fs finding.List
	checked := c.System || c.Health != nil || s.HealthCheck != nil && slices.Equal(s.HealthCheck.Command, []string{
		settings.HealthNone,
	})
	if s.HealthCheck != nil && !checked {
		fs.Add(finding.At("container").Name("health_check").Name("command"), "Health check without a command",
			"Neither the image nor the settings say what to run to check the application: set "+
				"container.health_check.command, or leave container.health_check out.")
	}
	at := finding.At("wait_for")
	if slices.Contains(r.WaitFor, kind.WaitHealthy) && !c.System && c.Health == nil {
		fs.Add(at, "Nothing to wait for", fmt.Sprintf("Instance %q has no health check, neither by its image nor by "+
			"its settings: set container.health_check, or wait for %q instead of %q.", r.Name, kind.WaitRunning,
			kind.WaitHealthy))
	}
	if slices.Contains(r.WaitFor, kind.WaitExited) && c.Restart == settings.RestartAlways {
		fs.Add(at, "Nothing to wait for", fmt.Sprintf("Instance %q has container.restart = %q, so its application "+
			"never stays ended: use another restart policy, or remove %q.", r.Name, settings.RestartAlways,
			kind.WaitExited))
	}
	return fs
}

// checkSystem renders what cloud-init is told at the first boot, and reports what is wrong with it.
func (p *Part) checkSystem(b *kind.Blueprint, waitFor []string) (fs finding.List) {
	if fs = b.CheckKey(); len(fs) > 0 {
		return fs
	}
	if p.UserData, fs = b.RenderUserData(true); len(fs) > 0 {
		return fs
	}
	fs = p.Check(waitFor)
	if slices.Contains(waitFor, kind.WaitCloudInit) && !p.Reports() {
		fs.Add(finding.At("wait_for"), "Nothing to wait for", fmt.Sprintf("Neither the template nor the instance "+
			"gives cloud-init anything to do, so the container reports nothing: remove %q.", kind.WaitCloudInit))
	}
	return fs
}

// Awaits implements kind.Driver.
func (d *Driver) Awaits(b kind.Blueprint) []string {
	if partOf(b).checks {
		return []string{kind.WaitHealthy}
	}
	return []string{kind.WaitRunning}
}

// notes identify what the container is told, attribute by attribute, and all of it together unless
// config is nil because something is not known yet.
func (p *Part) notes(b kind.Blueprint, asked *settings.Settings, config *initd.Config) []metadata.ToldNote {
	type addressed struct {
		Name string
		IP   profile.Addressing
	}
	type mounted struct{ Name, Path string }
	var nics []addressed
	for _, n := range b.NICs {
		nics = append(nics, addressed{n.Name, n.IP})
	}
	var disks []mounted
	for _, drive := range b.Drives[1:] {
		disks = append(disks, mounted{drive.Name, drive.MountPath})
	}
	secret := slices.DeleteFunc(slices.Sorted(maps.Keys(b.Parameters)), func(name string) bool {
		_, shown := b.Shown[name]
		return shown
	})
	notes := []metadata.ToldNote{
		{By: "container", Digest: settingsDigest(asked, b.Version.Root)},
		{By: "parameters", Digest: digest(metadata.Settings(b.Shown), secret)},
		{By: "network_profile", Digest: digest(nics)},
		{By: "storage_profile", Digest: digest(disks)},
	}
	if !p.system { // a system is told this once
		notes = append(notes, metadata.ToldNote{By: "customization", Digest: p.Customization.Digest()})
	}
	if !b.Secret() && config != nil {
		notes = append(notes, metadata.ToldNote{Digest: digest(withoutMACs(*config))})
	}
	return notes
}

// settingsDigest identifies settings over those of an image.
func settingsDigest(asked *settings.Settings, root *catalog.RootImage) string {
	if root != nil {
		kept := *root
		kept.Labels, kept.Volumes, kept.ExposedPorts, kept.Identity, kept.Manifest = nil, nil, nil, "", ""
		root = &kept
	}
	return digest(asked, root)
}

// digest is "sha256:HEX" of values. None of them has a type that JSON does not write.
func digest(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// changed returns the attributes by which a container would be told something else. They are none if
// all of it together is the same, such as after a change of a parameter that nothing uses.
func changed(have, want []metadata.ToldNote) (by []string) {
	if all := toldOf(want, ""); all != "" && all == toldOf(have, "") {
		return nil
	}
	for _, n := range want {
		if n.By != "" && n.Digest != toldOf(have, n.By) {
			by = append(by, n.By)
		}
	}
	return by
}

// toldOf is the digest of an attribute, or of all of it for ""; "" if there is none.
func toldOf(notes []metadata.ToldNote, attribute string) string {
	for _, n := range notes {
		if n.By == attribute {
			return n.Digest
		}
	}
	return ""
}
