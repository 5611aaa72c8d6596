package library

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// made is an instance of a template, as its host has it.
type made struct {
	catalog.InstanceFacts
	domain hypervisor.Domain
}

// instancesOf lists the instances on the host that were made from a template, also those that are being made. Domains that
// were not made by novacron are passed over.
func (l *Library) instancesOf(ctx context.Context, id catalog.TemplateID) ([]made, error) {
	domains, err := l.host.AllDomains(ctx)
	if err != nil {
		return nil, err
	}
	var found []made
	for _, d := range domains {
		if d.Metadata == "" {
			continue
		}
		if facts, err := catalog.ParseInstanceFacts(d.Metadata); err == nil && facts.Template == id.String() {
			found = append(found, made{facts, d})
		}
	}
	return found, nil
}

// InstanceCounts tells how many instances on the host were made from each version of a template, in whichever way.
func (l *Library) InstanceCounts(ctx context.Context, id catalog.TemplateID) (map[string]int, error) {
	instances, err := l.instancesOf(ctx, id)
	counts := make(map[string]int, len(instances))
	for _, i := range instances {
		counts[i.Version]++
	}
	return counts, err
}
