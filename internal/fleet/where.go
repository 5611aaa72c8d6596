package fleet

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
)

// Where says which hosts an instance may be on. The zero value allows all.
type Where struct {
	Hosts   []string                // names; empty for all
	Require map[string]string       // labels that the host must have
	Policy  catalog.PlacementPolicy // "" for that of the pool, or else catalog.Spread
	Pool    string                  // the resource pool whose quota the instance counts against; "" for none
	within  *catalog.ResourcePool   // the same pool, once Within has read it

	Group  string                              // of instances of the tenant that it is kept apart from; "" for none
	Apart  string                              // by what: see catalog.Placement; "" for catalog.ApartByHost
	Strict bool                                // never together, rather than as far as it goes
	others []catalog.Record[catalog.Placement] // of the same group, once beside has read them
}

// policy is the policy in force.
func (w Where) policy() catalog.PlacementPolicy {
	if w.Policy == "" && w.within != nil {
		return w.within.Policy
	}
	return w.Policy
}

// constrains reports whether placement excludes hosts, whatever the resource pool does.
func (w Where) constrains() bool {
	return len(w.Hosts) > 0 || len(w.Require) > 0 || w.Group != "" && w.Strict && w.apart() != catalog.ApartByHost
}

// Refusal says why a host does not take an instance.
type Refusal struct {
	Host string
	Why  string // a phrase
}

// refuses returns why a member may not have an instance; "" if it may.
func (w Where) refuses(m *Member) string {
	if why := w.excludes(m); why != "" {
		return why
	}
	if w.within != nil && !w.within.Has(m.Name, m.Labels) {
		return "not in resource pool " + w.Pool
	}
	return ""
}

// excludes is refuses without the resource pool.
func (w Where) excludes(m *Member) string {
	if len(w.Hosts) > 0 && !slices.Contains(w.Hosts, m.Name) {
		return "not among placement.hosts"
	}
	for _, key := range slices.Sorted(maps.Keys(w.Require)) {
		if value, labelled := m.Labels[key]; !labelled || value != w.Require[key] {
			return fmt.Sprintf("no label %s=%s (labels: %s)", key, w.Require[key], Labels(m.Labels))
		}
	}
	return w.unlabelled(m)
}

// Allowed returns the members that an instance may be on, and why it may not be on the others.
func (f *Fleet) Allowed(w Where) (allowed []*Member, refused []Refusal) {
	for _, m := range f.members {
		if why := w.refuses(m); why != "" {
			refused = append(refused, Refusal{m.Name, why})
		} else {
			allowed = append(allowed, m)
		}
	}
	return allowed, refused
}

// Check reports what is wrong with a Where: hosts that the fleet does not have, and constraints that no
// host meets.
func (f *Fleet) Check(w Where) finding.List {
	var fs finding.List
	if !f.Named() && w.Pool != "" {
		fs.Add(finding.At("resource_pool"), "No hosts to choose from", "The provider's configuration names no hosts, "+
			"so it has no resource pools: configure hosts, or remove resource_pool.")
	}
	if !f.Named() && (w.Pool == "" || w.constrains()) {
		fs.Add(finding.At("placement"), "No hosts to choose from", "The provider's configuration names no hosts, so "+
			"nothing can be chosen: configure hosts, or remove placement.")
	}
	if !f.Named() {
		return fs
	}
	for _, name := range w.Hosts {
		if _, there := f.Member(name); !there {
			fs.Add(finding.At("placement").Name("hosts"), "Unknown host", fmt.Sprintf(
				"The provider has no host %q. Its hosts are: %s.", name, strings.Join(f.Names(), ", ")))
		}
	}
	f.checkApart(w, &fs)
	if len(fs) > 0 {
		return fs
	}
	allowed, refused := f.Allowed(w)
	switch {
	case len(allowed) > 0:
	case !w.constrains():
		fs.Add(finding.At("resource_pool"), "No host in the resource pool", fmt.Sprintf("No host of the provider is "+
			"in resource pool %q:%s", w.Pool, lines(refused)))
	default:
		fs.Add(finding.At("placement"), "No host meets the placement", "No host of the provider has what placement "+
			"asks for:"+lines(refused))
	}
	return fs
}

// StaysThere is the advice for an instance that nothing moves: it was moved by other means, its host has other
// labels, or its resource pool has other hosts.
const StaysThere = "It stays there, because only a change of placement moves an instance. Allow that host, or change " +
	"placement."

// Misplaced reports that an instance is on a member on which it may not be, with advice: sentences.
func (f *Fleet) Misplaced(name string, on *Member, w Where, advice string) finding.List {
	why := w.refuses(on)
	if why == "" {
		return nil
	}
	at := "placement"
	if w.excludes(on) == "" {
		at = "resource_pool"
	}
	return finding.List{{Path: finding.At(at), Summary: "Instance is on another host", Detail: fmt.Sprintf(
		"Instance %q is on host %s, which %s does not allow: %s. %s", name, on.Name, at, why, advice)}}
}

// lines writes refusals for a message, one a line.
func lines(refused []Refusal) string {
	slices.SortStableFunc(refused, func(a, b Refusal) int { return strings.Compare(a.Host, b.Host) })
	var b strings.Builder
	for _, r := range refused {
		b.WriteString("\n  - " + r.Host + ": " + r.Why)
	}
	return b.String()
}
