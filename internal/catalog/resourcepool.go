package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// PlacementPolicy is how hosts are chosen for instances.
type PlacementPolicy string

const (
	// Spread prefers the host that has the most room.
	Spread PlacementPolicy = "spread"
	// Pack prefers the host that has the least room that is enough.
	Pack PlacementPolicy = "pack"
)

// PlacementPolicies lists them.
func PlacementPolicies() []string { return []string{string(Spread), string(Pack)} }

// ResourcePool is a set of hosts, and the quotas of the tenants that may use it. It belongs to the
// catalog rather than to a tenant: its administrator writes it. Its key is its name.
type ResourcePool struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Hosts are the hosts of the pool, by their keys among the provider's hosts. If it is empty, the
	// pool has the hosts that have all labels of Match.
	Hosts  []string          `json:"hosts,omitempty"`
	Match  map[string]string `json:"match,omitempty"`
	Policy PlacementPolicy   `json:"policy,omitempty"` // "" for Spread
	// Tenants are the quotas by tenant. A tenant that is not among them may not use the pool.
	Tenants map[string]Quota `json:"tenants,omitempty"`
}

// Has reports whether a host with these labels belongs to the pool.
func (r ResourcePool) Has(host string, labels map[string]string) bool {
	if len(r.Hosts) > 0 {
		return slices.Contains(r.Hosts, host)
	}
	for key, value := range r.Match {
		if has, there := labels[key]; !there || has != value {
			return false
		}
	}
	return len(r.Match) > 0
}

// Validate returns findings for what is wrong. Paths start at the attributes' names.
func (r ResourcePool) Validate() finding.List {
	var fs finding.List
	if err := naming.ValidateResourcePool(r.Name); err != nil {
		fs.Add(finding.At("name"), "Invalid name", finding.Sentence(err))
	}
	r.validateHosts(&fs)
	if r.Policy != "" && !slices.Contains(PlacementPolicies(), string(r.Policy)) {
		fs.Add(finding.At("policy"), "Unknown policy", fmt.Sprintf("%q is not a policy. Policies are: %s.",
			r.Policy, strings.Join(PlacementPolicies(), ", ")))
	}
	for _, tenant := range naming.SortedNames(r.Tenants) {
		at := finding.At("tenants").Key(tenant)
		if err := naming.ValidateTenant(tenant); err != nil {
			fs.Add(at, "Invalid tenant", finding.Sentence(err))
		}
		for _, f := range figures {
			if limit := f.limit(r.Tenants[tenant]); limit != nil && *limit < 0 {
				fs.Add(at.Name(string(f.figure)), "Value out of range",
					fmt.Sprintf("%d is below 0. Leave the figure out if it has no limit.", *limit))
			}
		}
	}
	return fs
}

func (r ResourcePool) validateHosts(fs *finding.List) {
	switch hosts, match := len(r.Hosts) > 0, len(r.Match) > 0; {
	case hosts && match:
		fs.Add(finding.At("match"), "Conflicting attributes", "Both hosts and match are set: name the hosts, or "+
			"the labels that they have.")
	case !hosts && !match:
		fs.Add(finding.At("hosts"), "No hosts", "Neither hosts nor match is set, so the pool has no host: name the "+
			"hosts, or the labels that they have.")
	}
	for i, host := range r.Hosts {
		if host == "" {
			fs.Add(finding.At("hosts"), "Empty name", fmt.Sprintf("Element %d names no host.", i))
		} else if slices.Contains(r.Hosts[:i], host) {
			fs.Add(finding.At("hosts"), "Duplicate host", fmt.Sprintf("Host %q is there twice.", host))
		}
	}
	if _, empty := r.Match[""]; empty {
		fs.Add(finding.At("match"), "Empty name", "A label needs a name.")
	}
}
