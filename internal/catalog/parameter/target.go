package parameter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Variable is a value as templates see it. A parameter without a value is empty.
func (p Parameter) Variable(v *Value) any {
	if v == nil {
		v = &Value{Type: p.Type}
	}
	if variable := definitionOf(v.Type).variable; variable != nil {
		return variable(*v)
	}
	return v.Text
}

// Parameter targets: what a value drives besides being a variable of cloud_init.user_data.
const (
	TargetHostname = "hostname"
	TargetSSHKey   = "ssh_key"
	TargetMemory   = "hardware.memory_mb"
	TargetCores    = "hardware.cpu_cores"
)

// diskTarget is the target of a disk's size: disk.NAME.size_gb.
var diskTarget = regexp.MustCompile(`^disk\.([a-z][a-z0-9_-]{0,31})\.size_gb$`)

// DiskOf returns the name of the disk whose size a target drives; ok is false for any other target.
func DiskOf(target string) (disk string, ok bool) {
	m := diskTarget.FindStringSubmatch(target)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Targets lists what a parameter may drive, for documentation and errors.
func Targets() []string {
	return []string{TargetHostname, TargetSSHKey, TargetMemory, TargetCores, "disk.NAME.size_gb"}
}

// EffectiveTarget is what the parameter of that name drives, "" for nothing. A parameter named
// hostname or ssh_key drives that by default.
func (p Parameter) EffectiveTarget(name string) string {
	if p.Target == "" && (name == TargetHostname || name == TargetSSHKey) {
		return name
	}
	return p.Target
}

// validateTarget returns findings for targets that do not exist, that do not fit the type, or that
// are taken.
func (p Parameter) validateTarget(at finding.Path, name string, taken map[string]string) finding.List {
	var fs finding.List
	target := p.EffectiveTarget(name)
	if target == "" {
		return nil
	}
	var types []string
	switch {
	case target == TargetHostname:
		types = []string{TypeString}
	case target == TargetSSHKey:
		types = []string{TypeString, TypeText}
	case target == TargetMemory, target == TargetCores, diskTarget.MatchString(target):
		types = []string{TypeInteger}
	default:
		fs.Add(at.Name("target"), "Unknown target", fmt.Sprintf("%q is not one of "+
			"%s.", target, strings.Join(Targets(), ", ")))
		return fs
	}
	if !slices.Contains(types, p.Type) {
		fs.Add(at.Name("target"), "Target does not match type",
			fmt.Sprintf("%s takes a parameter of type %s, and this one is of type %s.",
				target, strings.Join(types, " or "), p.Type))
	}
	if p.Sensitive && target != TargetSSHKey {
		fs.Add(at.Name("sensitive"), "Target exposes the value",
			fmt.Sprintf("Everybody who sees the instance can see what "+
				"drives %s: drop sensitive or target.", target))
	}
	if taken[target] != "" {
		fs.Add(at.Name("target"), "Duplicate target", fmt.Sprintf("Parameter %q has the target %q already.",
			taken[target], target))
	}
	taken[target] = name
	return fs
}

// Targeted is the known value that drives a target, "" if there is none.
func Targeted(declared map[string]Parameter, effective Values, target string) string {
	for name, p := range declared {
		if v := effective[name]; v != nil && p.EffectiveTarget(name) == target {
			return v.Text
		}
	}
	return ""
}

// TargetPath is the path to blame for the value of a target: the parameter that drives it.
func TargetPath(declared map[string]Parameter, target string) finding.Path {
	for name, p := range declared {
		if p.EffectiveTarget(name) == target {
			return finding.At("parameters").Key(name)
		}
	}
	return finding.At("parameters")
}

var regexes sync.Map // pattern → *regexp.Regexp

// compiled compiles a pattern that was found valid, once: a plan checks the same one for each
// instance.
func compiled(pattern string) *regexp.Regexp {
	if re, ok := regexes.Load(pattern); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(pattern)
	regexes.Store(pattern, re)
	return re
}
