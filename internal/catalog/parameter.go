package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Parameter declares a value that whoever uses a template may or must set.
type Parameter struct {
	Type        string  `json:"type"` // string (one line) or text
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Default     *string `json:"default,omitempty"`
	Target      string  `json:"target,omitempty"` // "" for the one that the name implies
}

// Parameter types.
const (
	TypeString = "string"
	TypeText   = "text"
)

// Parameter targets: what a value drives.
const (
	TargetHostname = "hostname"
	TargetSSHKey   = "ssh_key"
)

// ParameterTypes lists the types of parameters.
func ParameterTypes() []string { return []string{TypeString, TypeText} }

// Targets lists what a parameter may drive. A parameter of such a name has that target by itself.
func Targets() []string { return []string{TargetHostname, TargetSSHKey} }

// EffectiveTarget is what the parameter of that name drives.
func (p Parameter) EffectiveTarget(name string) string {
	if p.Target == "" && slices.Contains(Targets(), name) {
		return name
	}
	return p.Target
}

// ValidateParameters finds what is wrong with declarations: unknown types, contradictions, two for one target.
func ValidateParameters(declared map[string]Parameter) Findings {
	var fs Findings
	targets := map[string]string{}
	for _, name := range sortedNames(declared) {
		p, at := declared[name], At("parameters").Key(name)
		if !paramName.MatchString(name) {
			fs.Add(at, "Invalid parameter name", fmt.Sprintf("%q: use lower-case letters, digits and underscores, starting with a letter.", name))
		}
		if p.Type != "" && !slices.Contains(ParameterTypes(), p.Type) {
			fs.Add(at.Name("type"), "Unknown parameter type", fmt.Sprintf("%q is none of %s.", p.Type, strings.Join(ParameterTypes(), ", ")))
		}
		if p.Required && p.Default != nil {
			fs.Add(at.Name("default"), "Required with a default", "A required parameter is always given, so its default would never be used: drop required or default.")
		}
		target := p.EffectiveTarget(name)
		switch {
		case target == "":
			fs.Add(at, "Parameter drives nothing", fmt.Sprintf("Set target to one of %s, or name the parameter so.", strings.Join(Targets(), ", ")))
		case !slices.Contains(Targets(), target):
			fs.Add(at.Name("target"), "Unknown target", fmt.Sprintf("%q is none of %s.", target, strings.Join(Targets(), ", ")))
		case targets[target] != "":
			fs.Add(at.Name("target"), "Target driven twice", fmt.Sprintf("Parameter %q has the target %q already.", targets[target], target))
		default:
			targets[target] = name
		}
		if p.Default != nil {
			if problem := p.check(name, *p.Default); problem != "" {
				fs.Add(at.Name("default"), "Invalid default", problem)
			}
		}
	}
	return fs
}

// Values are parameter values by name. A nil value is not known yet (during a plan).
type Values map[string]*string

// Resolve checks values against the declarations and fills in the defaults. Values that are not known yet pass, and
// are nil in the result. Paths of findings start at parameters.
func Resolve(declared map[string]Parameter, given Values) (Values, Findings) {
	var fs Findings
	effective := Values{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := At("parameters").Key(name)
		p, known := declared[name]
		if !known {
			fs.Add(at, "Unknown parameter", unknownParameter(name, declared))
			continue
		}
		effective[name] = given[name]
		if v := given[name]; v != nil {
			if problem := p.check(name, *v); problem != "" {
				fs.Add(at, "Invalid value", problem)
			}
		}
	}
	for _, name := range sortedNames(declared) {
		p := declared[name]
		if _, set := given[name]; set {
			continue
		}
		if p.Required {
			detail := fmt.Sprintf("The template requires the parameter %q", name)
			if p.Description != "" {
				detail += " (" + p.Description + ")"
			}
			fs.Add(At("parameters"), "Missing parameter", detail+": set it in parameters.")
		} else if p.Default != nil {
			effective[name] = p.Default
		}
	}
	return effective, fs
}

// Targeted is the known value that drives a target, "" where there is none.
func Targeted(declared map[string]Parameter, effective Values, target string) string {
	for name, p := range declared {
		if v := effective[name]; p.EffectiveTarget(name) == target && v != nil {
			return *v
		}
	}
	return ""
}

// check says what is wrong with a value, "" when nothing is. It does not repeat the value, which may be long or private.
func (p Parameter) check(name, value string) string {
	if p.Type == TypeString && strings.ContainsAny(value, "\r\n") {
		return "A string parameter is one line: remove the line break, or declare the parameter as text."
	}
	if strings.ContainsRune(value, 0) {
		return "The value holds a NUL character."
	}
	if p.EffectiveTarget(name) == TargetHostname && !dnsLabel.MatchString(value) {
		return "A host name is a DNS label: lower-case letters, digits and hyphens, not at either end, at most 63 characters."
	}
	return ""
}

func unknownParameter(name string, declared map[string]Parameter) string {
	if len(declared) == 0 {
		return fmt.Sprintf("The template declares no parameters, so %q cannot be set.", name)
	}
	names := slices.Sorted(maps.Keys(declared))
	detail := fmt.Sprintf("The template declares no parameter %q. It declares: %s.", name, strings.Join(names, ", "))
	if near := nearest(name, names); near != "" {
		detail += fmt.Sprintf(" Did you mean %q?", near)
	}
	return detail
}
