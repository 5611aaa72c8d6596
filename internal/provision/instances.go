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
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Own reads an instance of the library's tenant by its UUID. ErrNotFound also for instances of others.
func (p *Provisioner) Own(ctx context.Context, uuid string) (Instance, error) {
	if !uuidForm.MatchString(uuid) {
		return Instance{}, ErrNotFound
	}
	i, err := p.Read(ctx, uuid)
	if err == nil && i.Facts.Tenant != p.library.Tenant() {
		return Instance{}, ErrNotFound
	}
	return i, err
}

// InstanceFilter chooses instances. What says nothing is not asked for.
type InstanceFilter struct {
	Template string              // "tenant/name"
	Version  version.Constraints // of the version that the instance was made from
	Status   string              // as host.State has it
	Labels   map[string]string   // all of these
}

// Statuses lists what the guest of an instance may be seen to do.
func Statuses() []string {
	var names []string
	for _, s := range []host.State{host.StateRunning, host.StatePaused, host.StateShuttingDown, host.StateShutoff,
		host.StateCrashed, host.StatePMSuspended, host.StateUnknown} {
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

// Instances lists the instances of the library's tenant that the filter chooses, by name: with a few requests, one for each
// domain whose name is of the tenant, and one for each network. So guests' agents are not asked for addresses. Domains that the
// host lists and cannot describe are told of in overlooked, in sentences.
func (p *Provisioner) Instances(ctx context.Context, f InstanceFilter) (instances []Instance, overlooked []string, err error) {
	tenant := p.library.Tenant()
	domains, undescribed, err := p.host.DomainsNamed(ctx, func(name string) bool { return naming.IsDomainOf(tenant, name) })
	if err != nil {
		return nil, nil, err
	}
	for _, u := range undescribed {
		overlooked = append(overlooked, notListed(u))
	}
	leases := network.Leases{}
	for _, d := range domains {
		if d.Metadata == "" {
			continue // it was not made by novacron
		}
		facts, err := p.factsOf(d)
		if err != nil && !library.HasInstanceDisk(d) {
			continue // nor was this
		}
		if err != nil {
			return nil, nil, err
		}
		if facts.Tenant != tenant || !f.chooses(facts, d.State) {
			continue
		}
		i, err := p.defined(ctx, d)
		if err != nil {
			return nil, nil, err
		}
		if i.Healthy() {
			if i.Addresses, err = p.networks.LeasedAddresses(ctx, leases, i.NICs); err != nil {
				return nil, nil, err
			}
		}
		instances = append(instances, i)
	}
	slices.SortFunc(instances, func(a, b Instance) int { return strings.Compare(a.Facts.Name, b.Facts.Name) })
	return instances, overlooked, nil
}

// notListed says that a domain cannot be described. libvirt's words may have names of files, which are not always UTF-8.
func notListed(u host.Undescribed) string {
	return strings.ToValidUTF8(fmt.Sprintf("The host lists %s but cannot describe it: %v. If it is an instance, it is "+
		"not in the list.", u, u.Err), "\uFFFD")
}
