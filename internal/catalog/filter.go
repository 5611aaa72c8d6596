package catalog

import (
	"slices"
	"strings"
)

// Visibility is the reason why a user sees a template. There may be more than one.
type Visibility string

const (
	// Own templates are those of the user's own tenant.
	Own Visibility = "own"
	// Shared templates are those of other tenants that name the user's own tenant in their
	// access_control.
	Shared Visibility = "shared"
	// Public templates are for all tenants, and may be the tenant's own as well.
	Public Visibility = "public"
)

// Visibilities lists them.
func Visibilities() []string { return []string{string(Own), string(Shared), string(Public)} }

// Filter selects templates. A field that is left out selects all.
type Filter struct {
	Type       string
	State      State
	Labels     map[string]string // all of them have to be present, with these values
	Text       string            // in the name, display name or description, in upper or lower case
	Visibility Visibility
	Owner      string
}

// Match reports whether a user sees the template and the filter selects it.
func (f Filter) Match(t Template, p Principal) bool {
	if t.Right(p) < Read || f.Type != "" && f.Type != t.Type || f.State != "" && f.State != t.State.OrActive() ||
		f.Owner != "" && f.Owner != t.Owner {
		return false
	}
	for key, value := range f.Labels {
		if has, there := t.Labels[key]; !there || has != value {
			return false
		}
	}
	return f.seen(t, p) && f.says(t)
}

func (f Filter) seen(t Template, p Principal) bool {
	own := t.ID.Tenant == p.Tenant
	switch f.Visibility {
	case Own:
		return own
	case Shared:
		return !own && (slices.Contains(t.Access.ReadTenants, p.Tenant) ||
			slices.Contains(t.Access.UseTenants, p.Tenant))
	case Public:
		return t.Public
	}
	return true
}

func (f Filter) says(t Template) bool {
	text := strings.ToLower(f.Text)
	return slices.ContainsFunc([]string{t.ID.Name, t.DisplayName, t.Description}, func(s string) bool {
		return strings.Contains(strings.ToLower(s), text)
	})
}
