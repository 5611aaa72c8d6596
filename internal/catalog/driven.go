package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Driven returns the profiles that parameters drive: fields that go between the version's and the
// instance's own.
func Driven(declared map[string]parameter.Parameter, effective parameter.Values) (*profile.Hardware, *profile.Storage) {
	var (
		hardware *profile.Hardware
		storage  *profile.Storage
	)
	for name, p := range declared {
		v := effective[name]
		if v == nil {
			continue
		}
		n, ok := v.Integer()
		if !ok {
			continue
		}
		switch target := p.EffectiveTarget(name); target {
		case parameter.TargetMemory:
			hardware = (&profile.Hardware{MemoryMB: &n}).Over(hardware)
		case parameter.TargetCores:
			hardware = (&profile.Hardware{CPUCores: &n}).Over(hardware)
		default:
			disk, ok := parameter.DiskOf(target)
			if !ok {
				continue
			}
			if storage == nil {
				storage = &profile.Storage{Disks: map[string]profile.Disk{}}
			}
			storage.Disks[disk] = profile.Disk{SizeGB: &n}
		}
	}
	return hardware, storage
}

// BlameDriven moves findings about a driven field to the parameter that drives it, because that is
// what its user has written. own are the profiles that the user has set as well: no parameter
// drives the fields that they set.
func BlameDriven(
	fs finding.List, declared map[string]parameter.Parameter, effective parameter.Values, ownHardware *profile.Hardware,
	ownStorage *profile.Storage,
) finding.List {
	if len(fs) == 0 {
		return fs
	}
	drives := driven(declared, ownHardware, ownStorage, func(name string) bool { return effective[name] != nil })
	blamed := slices.Clone(fs)
	for n, f := range blamed {
		if name, ok := drives[f.Path.String()]; ok {
			blamed[n].Path = finding.At("parameters").Key(name)
			blamed[n].Detail = fmt.Sprintf("Parameter %q drives %s: %s", name, f.Path, f.Detail)
		}
	}
	return blamed
}

// WithoutUndecided leaves out findings about fields that parameters drive whose values are not known
// yet. own are as for BlameDriven.
func WithoutUndecided(
	fs finding.List, declared map[string]parameter.Parameter, effective parameter.Values, ownHardware *profile.Hardware,
	ownStorage *profile.Storage,
) finding.List {
	undecided := driven(declared, ownHardware, ownStorage, func(name string) bool {
		v, set := effective[name]
		return set && v == nil
	})
	return slices.DeleteFunc(slices.Clone(fs), func(f finding.Finding) bool { return undecided[f.Path.String()] != "" })
}

// driven has the parameters that drive fields, by the fields' paths, as far as they count.
func driven(
	declared map[string]parameter.Parameter, ownHardware *profile.Hardware, ownStorage *profile.Storage,
	counts func(name string) bool,
) map[string]string {
	drives := map[string]string{}
	for name, p := range declared {
		if !counts(name) {
			continue
		}
		switch target := p.EffectiveTarget(name); {
		case target == parameter.TargetMemory && (ownHardware == nil || ownHardware.MemoryMB == nil),
			target == parameter.TargetCores && (ownHardware == nil || ownHardware.CPUCores == nil):
			drives["hardware_profile."+strings.TrimPrefix(target, "hardware.")] = name
		default:
			disk, ok := parameter.DiskOf(target)
			if ok && (ownStorage == nil || ownStorage.Disks[disk].SizeGB == nil) {
				drives[finding.At("storage_profile").Name("disks").Key(disk).Name("size_gb").String()] = name
			}
		}
	}
	return drives
}
