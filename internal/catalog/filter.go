package catalog

import (
	"slices"
	"strings"
)

// Visibility is by which way somebody sees a template. A template may be seen by more than one.
type Visibility string

const (
	// Own templates are those of one's own tenant.
	Own Visibility = "own"
	// Shared templates are those of other tenants that name one's own in their access_control.
	Shared Visibility = "shared"
	// Public templates are for all tenants, and may be one's own as well.
	Public Visibility = "public"
)

// Visibilities lists them.
func Visibilities() []string { return []string{string(Own), string(Shared), string(Public)} }

// Filter picks templates. What is left out picks all.
type Filter struct {
	Type       string
	State      State
	Labels     map[string]string // all of them have to be there, with these values
	Text       string            // in the name, display name or description, in whichever case
	Visibility Visibility
	Owner      string
}

// Match tells whether somebody sees the template and the filter picks it.
func (f Filter) Match(t Template, p Principal) bool {
	if t.Right(p) < Read || f.Type != "" && f.Type != t.Type || f.State != "" && f.State != t.State.OrActive() || f.Owner != "" && f.Owner != t.Owner {
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
		return !own && (slices.Contains(t.Access.ReadTenants, p.Tenant) || slices.Contains(t.Access.UseTenants, p.Tenant))
	case Public:
		return t.Public
	}
	return true
}

func (f Filter) says(t Template) bool {
	text := strings.ToLower(f.Text)
	return slices.ContainsFunc([]string{t.ID.Name, t.DisplayName, t.Description}, func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}
