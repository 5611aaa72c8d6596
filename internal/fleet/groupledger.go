package fleet

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// want is what an instance of a strict group that the running plan creates or changes may claim.
type want struct {
	group, apart string
	values       []string
}

// claim records that an instance of a strict group is going to have one of these values. If not all instances
// of the group that are planned can have values of their own, it records nothing, and returns one of those
// that are in the way. An instance that is being created counts by its placement.
func (l *ledger) claim(name string, w Where, values []string) (other string) {
	mine := want{w.Group, w.apart(), slices.Compact(slices.Sorted(slices.Values(values)))}
	placed := map[string]bool{}
	for _, rec := range w.others {
		placed[rec.Value.Name] = rec.Value.State == catalog.PlacementReserved
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	wants := map[string]want{name: mine}
	for other, its := range l.wants {
		if other != name && !placed[other] && its.group == mine.group && its.apart == mine.apart {
			wants[other] = its
		}
	}
	left := unmatched(wants)
	if len(left) == 0 {
		if l.wants == nil {
			l.wants = map[string]want{}
		}
		l.wants[name] = mine
		return ""
	}
	delete(wants, name)
	for _, other := range naming.SortedNames(wants) {
		if slices.ContainsFunc(wants[other].values, func(v string) bool { return slices.Contains(mine.values, v) }) {
			return other
		}
	}
	return left[0]
}

// unmatched gives as many instances as possible a value of their own, and returns the others by name. It is
// the method of augmenting paths: an instance that finds its values taken takes one whose holder can have
// another.
func unmatched(wants map[string]want) (left []string) {
	holders := map[string]string{} // by value
	var place func(name string, tried map[string]bool) bool
	place = func(name string, tried map[string]bool) bool {
		for _, value := range wants[name].values {
			if tried[value] {
				continue
			}
			tried[value] = true
			if holder, held := holders[value]; !held || place(holder, tried) {
				holders[value] = name
				return true
			}
		}
		return false
	}
	for _, name := range naming.SortedNames(wants) {
		if !place(name, map[string]bool{}) {
			left = append(left, name)
		}
	}
	return left
}
