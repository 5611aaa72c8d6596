package parameter

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Parameter declares a value that the user of a template may or must set.
type Parameter struct {
	Type          string   `json:"type"`
	Description   string   `json:"description,omitempty"`
	Required      bool     `json:"required,omitempty"`
	Default       *string  `json:"default,omitempty"` // lists and maps in JSON
	AllowedValues []string `json:"allowed_values,omitempty"`
	MinValue      *string  `json:"min_value,omitempty"` // of integers and numbers, in decimal
	MaxValue      *string  `json:"max_value,omitempty"`
	MinLength     *int64   `json:"min_length,omitempty"` // in characters, or in elements of lists and maps
	MaxLength     *int64   `json:"max_length,omitempty"`
	// of strings and texts, in the syntax of RE2, found anywhere unless anchored
	Regex     string `json:"regex,omitempty"`
	Sensitive bool   `json:"sensitive,omitempty"`
	Target    string `json:"target,omitempty"` // "" for the one that the name implies
}

// Validate returns findings for wrong declarations: unknown types, contradictions, two parameters
// for one target.
func Validate(declared map[string]Parameter) finding.List {
	var fs finding.List
	targets := map[string]string{}
	for _, name := range naming.SortedNames(declared) {
		p, at := declared[name], finding.At("parameters").Key(name)
		if !naming.IsParameterName(name) {
			fs.Add(at, "Invalid parameter name",
				"Use lower-case letters, digits and underscores, starting with a letter.")
		}
		if !slices.Contains(Types(), p.Type) {
			fs.Add(at.Name("type"), "Unknown parameter type", fmt.Sprintf("%q is "+
				"not one of %s.", p.Type, strings.Join(Types(), ", ")))
			continue // nothing more can be checked
		}
		if p.Required && p.Default != nil {
			fs.Add(at.Name("default"), "Required parameter has a default", "A required parameter is always set, so "+
				"its default would never be used: drop required or default.")
		}
		if p.Sensitive && p.Default != nil {
			fs.Add(at.Name("default"), "Sensitive parameter has a default",
				"The catalog keeps defaults for everybody to read: "+
					"drop sensitive or default.")
		}
		fs = append(fs, p.validateTarget(at, name, targets)...)
		limits := p.validateLimits(at)
		fs = append(fs, limits...)
		if p.Default != nil && len(limits) == 0 {
			if _, problem := p.value(name, *p.Default, false); problem != "" {
				fs.Add(at.Name("default"), "Invalid default", problem)
			}
		}
	}
	return fs
}

// validateLimits returns findings for limits that do not fit the type or one another.
func (p Parameter) validateLimits(at finding.Path) finding.List {
	var fs finding.List
	of := definitionOf(p.Type)
	foreign := func(attribute string, set, fits bool, what string) {
		if set && !fits {
			fs.Add(at.Name(attribute), "Limit does not apply to type",
				fmt.Sprintf("%s limits %s, but the parameter is of type "+
					"%s.", attribute, what, p.Type))
		}
	}
	foreign("min_value", p.MinValue != nil, of.numeric, "integers and numbers")
	foreign("max_value", p.MaxValue != nil, of.numeric, "integers and numbers")
	foreign("min_length", p.MinLength != nil, of.unit != "", "texts, lists and maps")
	foreign("max_length", p.MaxLength != nil, of.unit != "", "texts, lists and maps")
	foreign("regex", p.Regex != "", of.textual, "strings and texts")
	foreign("allowed_values", p.AllowedValues != nil, of.listed, "texts, numbers and the elements of lists")
	low, high := bound(&fs, at.Name("min_value"), p.MinValue), bound(&fs, at.Name("max_value"), p.MaxValue)
	if low != nil && high != nil && low.Cmp(high) > 0 {
		fs.Add(at.Name("max_value"), "Limits allow no value", fmt.Sprintf("max_value %s is less than min_value %s.",
			*p.MaxValue, *p.MinValue))
	}
	for attribute, length := range map[string]*int64{"min_length": p.MinLength, "max_length": p.MaxLength} {
		if length != nil && *length < 0 {
			fs.Add(at.Name(attribute), "Negative length", fmt.Sprintf("%d is less than 0.", *length))
		}
	}
	if p.MinLength != nil && p.MaxLength != nil && *p.MinLength > *p.MaxLength {
		fs.Add(at.Name("max_length"), "Limits allow no value", fmt.Sprintf("max_length %d is less than min_length %d.",
			*p.MaxLength, *p.MinLength))
	}
	if _, err := regexp.Compile(p.Regex); err != nil {
		fs.Add(at.Name("regex"), "Invalid regular expression",
			finding.Sentence(err)+" The syntax is that of RE2 (https://github.com/google/re2/wiki/Syntax).")
	}
	if p.AllowedValues != nil && len(p.AllowedValues) == 0 {
		fs.Add(at.Name("allowed_values"), "Limits allow no value", "No value is allowed: list some, or remove "+
			"allowed_values.")
	}
	if len(fs) == 0 {
		fs = p.validateAllowed(at)
	}
	return fs
}

// validateAllowed returns findings for allowed values that break another limit.
func (p Parameter) validateAllowed(at finding.Path) finding.List {
	var fs finding.List
	single := p
	single.AllowedValues, single.Sensitive = nil, false // allowed values are not secret
	if p.Type == TypeList {
		single = Parameter{Type: TypeText} // its limits are about the list, these about its elements
	}
	for _, allowed := range p.AllowedValues {
		if _, problem := single.value("", allowed, false); problem != "" {
			fs.Add(at.Name("allowed_values"), "Allowed value breaks another limit", problem)
		}
	}
	return fs
}

func bound(fs *finding.List, at finding.Path, text *string) *big.Float {
	if text == nil {
		return nil
	}
	n, ok := parseNumber(*text)
	if !ok {
		fs.Add(at, "Invalid number", fmt.Sprintf("%q is not a decimal number.", *text))
		return nil
	}
	return n
}

// value converts a raw value, and says in a sentence what is wrong with it, "" if nothing is. The
// value is nil while it is not known yet. The sentence does not repeat a value that is secret or
// that the parameter treats as secret.
func (p Parameter) value(name string, raw Raw, secret bool) (value *Value, problem string) {
	secret = secret || p.Sensitive || p.EffectiveTarget(name) == TargetSSHKey // which may hold a private key by mistake
	value, problem = convert(p.Type, raw)
	if problem == "" && value != nil {
		problem = p.check(name, *value, secret)
	}
	if problem == "" {
		return value, ""
	}
	return value, show(raw, secret) + " " + problem + "."
}

// longestShown is how many characters of a value a finding repeats.
const longestShown = 64

// show is a value as a finding shows it, if it is one line and not secret.
func show(raw Raw, secret bool) string {
	const hidden = "the value"
	text, problem := scalarText(raw)
	if secret || problem != "" || strings.ContainsAny(text, "\r\n") {
		return hidden
	}
	if runes := []rune(text); len(runes) > longestShown {
		text = string(runes[:longestShown]) + "…"
	}
	if _, written := raw.(string); !written {
		return text
	}
	return strconv.Quote(text)
}

// check says which limit a value breaks, "" if none. It repeats an element of a list unless the
// value is secret.
func (p Parameter) check(name string, value Value, secret bool) string {
	if strings.ContainsRune(value.Text, 0) || value.Type == TypeList && slices.ContainsFunc(value.List(), hasNUL) ||
		mapHasNUL(value.Map()) {
		return "holds a NUL character"
	}
	if p.Type == TypeString && strings.ContainsAny(value.Text, "\r\n") {
		return "has a line break, and a string parameter is one line: remove the line break, or declare the " +
			"parameter as text"
	}
	if problem := p.checkRange(value); problem != "" {
		return problem
	}
	length, unit := value.length(), definitionOf(p.Type).unit
	switch {
	case p.MinLength != nil && length < *p.MinLength:
		return fmt.Sprintf("has %d %s, and min_length is %d", length, unit, *p.MinLength)
	case p.MaxLength != nil && length > *p.MaxLength:
		return fmt.Sprintf("has %d %s, and max_length is %d", length, unit, *p.MaxLength)
	case p.Regex != "" && !compiled(p.Regex).MatchString(value.Text):
		return fmt.Sprintf("does not match the regular expression %s", p.Regex)
	}
	if problem := p.checkAllowed(value, secret); problem != "" {
		return problem
	}
	if p.EffectiveTarget(name) == TargetHostname && !naming.IsDNSLabel(value.Text) {
		return "is not a DNS label, as a host name has to be: lower-case letters, digits and hyphens, not at either " +
			"end, at most 63 characters"
	}
	return ""
}

func (p Parameter) checkRange(value Value) string {
	if p.MinValue == nil && p.MaxValue == nil {
		return ""
	}
	n, ok := parseNumber(value.Text)
	if !ok {
		return ""
	}
	var ignored finding.List
	if low := bound(&ignored, nil, p.MinValue); low != nil && n.Cmp(low) < 0 {
		return fmt.Sprintf("is less than min_value %s", *p.MinValue)
	}
	if high := bound(&ignored, nil, p.MaxValue); high != nil && n.Cmp(high) > 0 {
		return fmt.Sprintf("is more than max_value %s", *p.MaxValue)
	}
	return ""
}

func (p Parameter) checkAllowed(value Value, secret bool) string {
	if len(p.AllowedValues) == 0 {
		return ""
	}
	elements, kind := []string{value.Text}, p.Type
	if p.Type == TypeList {
		elements, kind = value.List(), TypeText
	}
	allowed := make([]string, len(p.AllowedValues))
	for i, raw := range p.AllowedValues {
		if v, problem := convert(kind, raw); problem == "" {
			allowed[i] = v.Text // "8080.0" and 8080 are the same number
		}
	}
	for _, element := range elements {
		if slices.Contains(allowed, element) {
			continue
		}
		which := "is not one"
		if p.Type == TypeList && !secret {
			which = "has the element " + show(element, false) + ", which is not one"
		}
		return which + " of the allowed values: " + strings.Join(p.AllowedValues, ", ")
	}
	return ""
}

func hasNUL(s string) bool { return strings.ContainsRune(s, 0) }

func mapHasNUL(m map[string]string) bool {
	for key, v := range m {
		if hasNUL(key) || hasNUL(v) {
			return true
		}
	}
	return false
}
