// Package fastpathtest finds where an answer of the fast path differs from the framework's.
package fastpathtest

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
)

// Types has the types of a resource's values. Identity is nil for a resource without one.
type Types struct{ State, Identity tftypes.Type }

// Differences describes the fields in which two answers differ. It returns none if both tell
// Terraform the same.
//
// It compares fields byte for byte, except states and identities, for which canonical.go has an
// encoding.
func Differences(c fastpath.Compared, t Types) []string {
	call := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", c.Fast), "*tfprotov6."), "Response")
	call += " of " + c.Resource
	if c.Err != nil {
		return []string{fmt.Sprintf("%s: the framework fails: %v", call, c.Err)}
	}
	fast, framework := reflect.ValueOf(c.Fast).Elem(), reflect.ValueOf(c.Framework).Elem()
	var found []string
	for n := range fast.NumField() {
		a, aErr := canonical(fast.Field(n).Interface(), t)
		b, bErr := canonical(framework.Field(n).Interface(), t)
		field := call + ", " + fast.Type().Field(n).Name
		switch {
		case aErr != nil || bErr != nil:
			found = append(found, fmt.Sprintf("%s: cannot be read: the fast path's: %v, the framework's: %v",
				field, aErr, bErr))
		case !reflect.DeepEqual(a.compared, b.compared):
			found = append(found, fmt.Sprintf("%s: %s", field, between(a, b)))
		}
	}
	return found
}

// form is the value of a field in a form that can be compared.
type form struct {
	compared any
	value    *tftypes.Value // for a state or identity that exists
}

func canonical(field any, t Types) (form, error) {
	switch v := field.(type) {
	case *tfprotov6.DynamicValue:
		return encoded(v, t.State)
	case *tfprotov6.ResourceIdentityData:
		if v == nil {
			return form{}, nil
		}
		return encoded(v.IdentityData, t.Identity)
	case []byte: // the wire does not distinguish nil from empty
		return form{compared: string(v)}, nil
	case []*tfprotov6.Diagnostic:
		var texts []string
		for _, d := range v {
			texts = append(texts, fmt.Sprintf("%s at %v: %s: %s", d.Severity, d.Attribute, d.Summary, d.Detail))
		}
		return form{compared: texts}, nil
	case []*tftypes.AttributePath:
		var texts []string
		for _, p := range v {
			texts = append(texts, p.String())
		}
		return form{compared: texts}, nil
	}
	return form{compared: field}, nil
}

func encoded(v *tfprotov6.DynamicValue, of tftypes.Type) (form, error) {
	if v == nil {
		return form{}, nil
	}
	value, err := v.Unmarshal(of)
	if err != nil {
		return form{}, err
	}
	text, err := encode(value)
	return form{compared: text, value: &value}, err
}

// between describes the difference of two forms.
func between(fast, framework form) string {
	if fast.value == nil || framework.value == nil {
		return fmt.Sprintf("the fast path says %#v, the framework %#v", fast.compared, framework.compared)
	}
	differences, err := fast.value.Diff(*framework.value)
	if err != nil || len(differences) == 0 {
		return fmt.Sprintf("the fast path says %s, the framework %s", fast.compared, framework.compared)
	}
	deepest := differences[0]
	for _, d := range differences {
		if len(d.Path.Steps()) > len(deepest.Path.Steps()) {
			deepest = d
		}
	}
	return fmt.Sprintf("at %v, the fast path says %v, the framework %v", deepest.Path, deepest.Value1, deepest.Value2)
}
