package provision

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// InstanceFilter chooses instances. An empty field does not restrict the choice.
type InstanceFilter struct {
	Template string              // "tenant/name"
	Version  version.Constraints // of the version that the instance was made from
	Status   string              // as host.State has it
	Labels   map[string]string   // all of these
}

// Statuses lists the possible statuses of an instance's guest.
func Statuses() []string {
	var names []string
	for _, s := range []host.State{
		host.StateRunning, host.StatePaused, host.StateShuttingDown, host.StateShutoff, host.StateCrashed,
		host.StatePMSuspended, host.StateUnknown,
	} {
		names = append(names, s.String())
	}
	return names
}

func (f InstanceFilter) chooses(facts metadata.Facts, state host.State) bool {
	labels := metadata.PairMap(facts.Labels)
	for name, value := range f.Labels {
		if found, there := labels[name]; !there || found != value {
			return false
		}
	}
	return (f.Template == "" || facts.Template == f.Template) && (f.Status == "" || state.String() == f.Status) &&
		(f.Version == nil || catalog.Newest([]string{facts.Version}, f.Version) != "")
}

// Instances lists the instances of the library's tenant that the filter chooses, by name. It takes
// a few requests, one for each domain whose name is of the tenant, and one for each network, so it
// does not ask guests' agents for addresses. Domains that the host lists but cannot describe are
// reported in overlooked, as sentences.
func (r *Reader) Instances(
	ctx context.Context, f InstanceFilter,
) (instances []kind.Instance, overlooked []string, err error) {
	leases := network.Leases{}
	for _, driver := range r.kinds {
		domains, undescribed, err := driver.Domains().DomainsNamed(ctx, func(name string) bool {
			return naming.IsDomainOf(r.tenant, name)
		})
		if err != nil {
			return nil, nil, err
		}
		for _, u := range undescribed {
			overlooked = append(overlooked, notListed(u))
		}
		for _, d := range domains {
			i, chosen, err := r.listed(ctx, driver, d, f, leases)
			if err != nil {
				return nil, nil, err
			}
			if chosen {
				instances = append(instances, i)
			}
		}
	}
	slices.SortFunc(instances, func(a, b kind.Instance) int { return strings.Compare(a.Facts.Name, b.Facts.Name) })
	return instances, overlooked, nil
}

// listed is the instance of a domain whose name is of the tenant, if a filter chooses it.
func (r *Reader) listed(
	ctx context.Context, driver kind.Driver, d host.Domain, f InstanceFilter, leases network.Leases,
) (i kind.Instance, chosen bool, err error) {
	if d.Metadata == "" {
		return i, false, nil // novacron did not create it
	}
	facts, err := r.factsOf(d)
	if err != nil && !usage.HasInstanceDisk(d) {
		return i, false, nil // nor this one
	}
	if err != nil || facts.Tenant != r.tenant || !f.chooses(facts, d.State) {
		return i, false, err
	}
	if i, err = driver.Read(ctx, d, facts); err == nil {
		err = driver.Look(ctx, &i, leases)
	}
	return i, true, err
}

// notListed reports that a domain cannot be described. libvirt's messages may contain file names,
// which are not always UTF-8.
func notListed(u host.Undescribed) string {
	return strings.ToValidUTF8(fmt.Sprintf("The host lists %s but cannot describe it: %v. If it is an instance, it is "+
		"not in the list.", u, u.Err), "\uFFFD")
}
