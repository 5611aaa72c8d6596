package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// String is the right as it appears in a sentence: "the right to …".
func (r Right) String() string { return [...]string{"nothing", "read", "use", "write"}[r] }

// Right is what a user may do with the template and its versions.
//
// A user of another tenant has the rights that the lists of tenants grant, and the right to use a
// public template; never more.
//
// The template's owner, who is a user of its own tenant, has every right. The tenant's other users
// have a right as long as no user or group is named for it or for a lesser one. So naming writers
// leaves reading and using open to all of the tenant, naming users of the template closes writing
// as well, and naming readers closes all. A user who is named for a right has the lesser ones too.
// Only users who may write the template have any right on a draft.
func (t Template) Right(p Principal) Right {
	right := t.rightPublished(p)
	if t.State == Draft && right < Write {
		return Nothing
	}
	return right
}

func (t Template) rightPublished(p Principal) Right {
	a, open := t.Access, Nothing
	if t.Public {
		open = Use
	}
	if p.Tenant != t.ID.Tenant {
		switch {
		case slices.Contains(a.UseTenants, p.Tenant):
			return Use
		case slices.Contains(a.ReadTenants, p.Tenant):
			return max(Read, open)
		}
		return open
	}
	if p.User == t.Owner {
		return Write
	}
	named := false
	for _, right := range []Right{Read, Use, Write} {
		users, groups := a.named(right)
		if named = named || len(users)+len(groups) > 0; !named {
			open = max(open, right)
		}
		if slices.Contains(users, p.User) || slices.ContainsFunc(p.Groups, func(g string) bool {
			return slices.Contains(groups, g)
		}) {
			open = max(open, right)
		}
	}
	return open
}

// named returns the users and groups of the template's own tenant to which a right is given.
func (a AccessControl) named(r Right) (users, groups []string) {
	switch r {
	case Read:
		return a.ReadUsers, a.ReadGroups
	case Use:
		return a.UseUsers, a.UseGroups
	case Write:
		return a.WriteUsers, a.WriteGroups
	case Nothing:
	}
	return nil, nil
}

// RightVersion is what a user may do with one of the template's versions. Only users who may write
// the template have any right on a draft.
func (t Template) RightVersion(p Principal, v Version) Right {
	right := t.Right(p)
	if v.State == Draft && right < Write {
		return Nothing
	}
	return right
}

// AccessList is one list of an AccessControl, by its attribute's name.
type AccessList struct {
	Name  string
	Names *[]string
}

// Lists returns all lists, to be read or filled.
func (a *AccessControl) Lists() []AccessList {
	return []AccessList{
		{"read_users", &a.ReadUsers}, {"read_groups", &a.ReadGroups}, {"read_tenants", &a.ReadTenants},
		{"use_users", &a.UseUsers}, {"use_groups", &a.UseGroups}, {"use_tenants", &a.UseTenants},
		{"write_users", &a.WriteUsers}, {"write_groups", &a.WriteGroups},
	}
}

// Equal reports whether both name the same users, groups and tenants, in any order and any number
// of times.
func (a AccessControl) Equal(b AccessControl) bool {
	theirs := b.Lists()
	for i, ours := range a.Lists() {
		if !slices.Equal(set(*ours.Names), set(*theirs[i].Names)) {
			return false
		}
	}
	return true
}

func set(names []string) []string { return slices.Compact(slices.Sorted(slices.Values(names))) }

// Validate returns findings for names that cannot exist. tenant is the template's own; "" if that
// is not known.
func (a AccessControl) Validate(tenant string) finding.List {
	var fs finding.List
	for _, list := range a.Lists() {
		at := finding.At("access_control").Name(list.Name)
		for _, name := range set(*list.Names) {
			switch {
			case !strings.HasSuffix(list.Name, "_tenants"):
				if name == "" {
					fs.Add(at, "Empty name", "A name is empty: write one, or leave it out.")
				}
			case naming.ValidateTenant(name) != nil:
				fs.Add(at, "Invalid tenant", finding.Sentence(naming.ValidateTenant(name)))
			case name == tenant:
				fs.Add(at, "Redundant tenant",
					fmt.Sprintf("%q is the template's own tenant, whose users are named one by one or "+
						"by their groups. If none of them is named, all of them have the right: remove %[1]q.", name))
			}
		}
	}
	return fs
}

// RightError says that a user may see a template, but not do what they are about to.
type RightError struct {
	Template TemplateID
	Owner    string
	Who      Principal
	Has      Right
	Needs    Right
}

// Need returns nil if a user has a right on the template, ErrNotFound if they may not even know of
// the template, and a RightError otherwise.
func (t Template) Need(p Principal, needs Right) error {
	switch has := t.Right(p); {
	case has >= needs:
		return nil
	case has == Nothing:
		return fmt.Errorf("template %q: %w", t.ID, ErrNotFound)
	default:
		return &RightError{Template: t.ID, Owner: t.Owner, Who: p, Has: has, Needs: needs}
	}
}

func (e *RightError) Error() string {
	who := fmt.Sprintf("user %q of tenant %q", e.Who.User, e.Who.Tenant)
	what := fmt.Sprintf("this needs the right to %s template %q, and %s may only %s it",
		e.Needs, e.Template, who, e.Has)
	switch {
	case e.Who.Tenant == e.Template.Tenant:
		return fmt.Sprintf("%s. Its owner %q, or a user who may write it, can grant the right in "+
			"access_control: %s_users or %[3]s_groups", what, e.Owner, e.Needs)
	case e.Needs == Write:
		return fmt.Sprintf("%s. Only its own tenant, %q, can have that right", what, e.Template.Tenant)
	}
	return fmt.Sprintf("%s. Its owner, %q of tenant %q, or a user who may write it, can grant the right in "+
		"access_control: %s_tenants",
		what, e.Owner, e.Template.Tenant, e.Needs)
}
