package parameter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Given are the values that a user sets, by name: values that all may see, and secrets. Null values
// are left out.
type Given struct {
	Parameters map[string]Raw
	Secrets    map[string]Raw // of parameters_wo
	// MoreParameters and MoreSecrets say that not even all names are known yet.
	MoreParameters, MoreSecrets bool
}

// Resolve checks values against the declarations and fills in the defaults. Values that are not
// known yet pass, and are nil in the result. Paths of findings start at parameters or
// parameters_wo. Findings never repeat a value of parameters_wo, of a sensitive parameter, or of an
// undeclared one.
func Resolve(declared map[string]Parameter, given Given) (Values, finding.List) {
	var fs finding.List
	effective := Values{}
	take := func(attribute string, from map[string]Raw) {
		for _, name := range slices.Sorted(maps.Keys(from)) {
			at := finding.At(attribute).Key(name)
			p, known := declared[name]
			if !known {
				fs.Add(at, "Unknown parameter", fmt.Sprintf("There is no parameter %q. %s",
					name, Instead(name, declared)))
				continue
			}
			if _, twice := effective[name]; twice {
				fs.Add(at, "Duplicate parameter", "It is also set in parameters: set it in one of the two.")
				continue
			}
			if target := p.EffectiveTarget(name); attribute == "parameters_wo" && target != "" &&
				target != TargetSSHKey {
				fs.Add(at, "Target exposes the value",
					fmt.Sprintf("It drives %s, which everybody who sees the instance can see: "+
						"set it in parameters.", target))
			}
			value, problem := p.value(name, from[name], attribute == "parameters_wo")
			if problem != "" {
				fs.Add(at, "Invalid parameter value", problem)
			}
			effective[name] = value
		}
	}
	take("parameters", given.Parameters)
	take("parameters_wo", given.Secrets)
	for _, name := range naming.SortedNames(declared) {
		p := declared[name]
		if _, set := effective[name]; set {
			continue
		}
		switch {
		case given.MoreParameters || given.MoreSecrets:
			effective[name] = nil
		case p.Required:
			fs.Add(finding.At("parameters"), "Missing parameter", missing(name, p))
		case p.Default != nil:
			effective[name], _ = convert(p.Type, *p.Default) // Validate has found it valid
		}
	}
	return effective, fs
}

// Shown returns the effective values that all may see: neither sensitive nor given as secrets.
func Shown(declared map[string]Parameter, effective Values, secrets map[string]Raw) Values {
	shown := Values{}
	for name, v := range effective {
		if _, secret := secrets[name]; !secret && !declared[name].Sensitive {
			shown[name] = v
		}
	}
	return shown
}

// NotDefault returns the effective values that differ from the defaults.
func NotDefault(declared map[string]Parameter, effective Values) Values {
	defaults, _ := Resolve(declared, Given{}) // its findings are about missing values, and here none are
	set := Values{}
	for name, v := range effective {
		if d := defaults[name]; d == nil || v == nil || *d != *v {
			set[name] = v
		}
	}
	return set
}

// SameSecrets reports whether the values of sensitive parameters are the same in two sets of given
// ones. A value that is not known yet is never the same.
func SameSecrets(declared map[string]Parameter, a, b map[string]Raw) bool {
	for name, p := range declared {
		if !p.Sensitive {
			continue
		}
		before, inA := a[name]
		after, inB := b[name]
		if inA != inB {
			return false
		}
		if !inA {
			continue
		}
		x, _ := convert(p.Type, before)
		y, _ := convert(p.Type, after)
		if x == nil || y == nil || *x != *y {
			return false
		}
	}
	return true
}

func missing(name string, p Parameter) string {
	where := "parameters"
	if p.Sensitive {
		where = "parameters_wo"
	}
	detail := fmt.Sprintf("The template requires the parameter %q", name)
	if p.Description != "" {
		detail += " (" + p.Description + ")"
	}
	return detail + ": set it in " + where + "."
}

// Instead lists the declared parameters for a name that is not declared, and suggests the nearest.
func Instead(name string, declared map[string]Parameter) string {
	if len(declared) == 0 {
		return "The template declares no parameters."
	}
	names := slices.Sorted(maps.Keys(declared))
	text := fmt.Sprintf("The template declares: %s.", strings.Join(names, ", "))
	if near := nearest(name, names); near != "" {
		text += fmt.Sprintf(" Did you mean %q?", near)
	}
	return text
}
