package catalog

import (
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// ApartByHost keeps the instances of a group apart by host: no two are on the same one. Any other value
// of Placement.Apart is the key of a label of hosts: no two are on hosts with the same value of it.
const ApartByHost = "host"

// longestValue bounds the key and the value of a label that a strict group is kept apart by, in bytes:
// the database has them in an index.
const longestValue = 255

// GroupClaim is a value that one instance of a strict group has, and no other may have.
type GroupClaim struct{ Tenant, Group, Apart, Value string }

// Claims are the values of its strict group that the placement claims: two while the instance moves
// between them, and none if the group is not strict.
func (p Placement) Claims() []GroupClaim {
	if p.Group == "" || !p.Strict {
		return nil
	}
	var all []GroupClaim
	if p.Value != "" {
		all = append(all, GroupClaim{p.Tenant, p.Group, p.Apart, p.Value})
	}
	if p.ToValue != "" && p.ToValue != p.Value {
		all = append(all, GroupClaim{p.Tenant, p.Group, p.Apart, p.ToValue})
	}
	return all
}

// SameGroup reports whether two placements say the same about groups, whatever they claim.
func (p Placement) SameGroup(other Placement) bool {
	return p.Group == other.Group && p.Apart == other.Apart && p.Strict == other.Strict
}

// GroupError says that another instance of a strict group has the value that a placement claims.
type GroupError struct {
	GroupClaim
	Holder string // the instance that has it, by name
}

func (e *GroupError) Error() string {
	return fmt.Sprintf("the strict group %q of tenant %q keeps instances apart by %s, and instance %q has %q",
		e.Group, e.Tenant, e.Apart, e.Holder, e.Value)
}

// Why is the error as the reason of a host that it keeps the instance from, as a phrase.
func (e *GroupError) Why() string {
	if e.Apart == ApartByHost {
		return fmt.Sprintf("instance %q of group %q is there", e.Holder, e.Group)
	}
	return fmt.Sprintf("instance %q of group %q is on a host with %s=%s", e.Holder, e.Group, e.Apart, e.Value)
}

// Clash returns the GroupError of the first value that both placements claim; nil if there is none.
func (p Placement) Clash(holder Placement) *GroupError {
	for _, mine := range p.Claims() {
		if slices.Contains(holder.Claims(), mine) {
			return &GroupError{mine, holder.Name}
		}
	}
	return nil
}

// checkGroup returns an error if the placement cannot be in its group.
func (p Placement) checkGroup() error {
	switch {
	case p.Group == "" && (p.Apart != "" || p.Strict || p.Value != "" || p.ToValue != ""):
		return fmt.Errorf("the placement of %q is in no group, and says how the group is kept apart", p.Key())
	case p.Group == "":
		return nil
	case p.Apart == "":
		return fmt.Errorf("the placement of %q does not say by what group %q is kept apart", p.Key(), p.Group)
	}
	for _, text := range []string{p.Apart, p.Value, p.ToValue} {
		if len(text) > longestValue {
			return fmt.Errorf("the placement of %q is kept apart by %.20q…, which is longer than %d bytes", p.Key(),
				text, longestValue)
		}
	}
	return naming.ValidateGroup(p.Group)
}
