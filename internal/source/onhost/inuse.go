package onhost

import (
	"context"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// inUseError reports that guests run on the disk that is to be read.
type inUseError struct {
	domains []string
	others  int // the number of other tenants' guests, which are not named
}

func (e *inUseError) Error() string {
	return "it would be a mix of what a guest writes meanwhile: it is in use by running machines: " +
		finding.AndOthers(e.domains, e.others)
}

// diskInUse reports whether guests run that may write to a volume; nil for none.
func (h *Host) diskInUse(ctx context.Context, v host.Volume) (*inUseError, error) {
	users, err := h.DiskUsers(ctx, v)
	if err != nil || len(users) == 0 {
		return nil, err
	}
	domains, _, err := h.AllDomains(ctx)
	if err != nil {
		return nil, err
	}
	return h.inUse(users, domains), nil
}

// inUse names the domains that have a disk to the tenant, except those that are, or may be,
// instances of other tenants.
func (h *Host) inUse(users []string, domains []host.Domain) *inUseError {
	used := &inUseError{}
	for _, name := range users {
		n := slices.IndexFunc(domains, func(d host.Domain) bool { return d.Name == name })
		var facts metadata.Facts
		known := n >= 0
		if known && domains[n].Metadata != "" {
			var err error
			facts, err = metadata.Parse(domains[n].Metadata)
			known = err == nil
		}
		switch {
		case known && facts.Tenant != "" && facts.Tenant != h.Tenant:
			used.others++
		case !known && !naming.IsDomainOf(h.Tenant, name):
			used.domains = append(used.domains, "another domain")
		default:
			used.domains = append(used.domains, name)
		}
	}
	return used
}
