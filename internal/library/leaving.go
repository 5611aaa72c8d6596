package library

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// leaving keeps which versions the running plan takes away, and which instances it takes off their versions.
type leaving struct {
	versions  map[catalog.VersionID]bool
	instances map[string]bool // UUIDs
	states    map[string]bool // UUIDs of instances that the running plan's state has
}

// Leaves notes that the running plan removes an instance, or gives it another system disk.
func (l *Library) Leaves(uuid string) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.leaving.instances == nil {
		l.plan.leaving.instances = map[string]bool{}
	}
	l.plan.leaving.instances[uuid] = true
	l.removals.note()
}

// OwnInstance notes that the running plan's state has an instance.
func (l *Library) OwnInstance(uuid string) {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	if l.plan.leaving.states == nil {
		l.plan.leaving.states = map[string]bool{}
	}
	l.plan.leaving.states[uuid] = true
	l.removals.note()
}

// InstanceInPlan tells whether the running plan's state has an instance, as far as it was read or planned.
func (l *Library) InstanceInPlan(uuid string) bool {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	return l.plan.leaving.states[uuid] || l.plan.leaving.instances[uuid]
}

// Leaving tells whether the running plan destroys or replaces a version.
func (l *Library) Leaving(id catalog.VersionID) bool {
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	return l.plan.leaving.versions[id]
}

// ExpectRemoval notes that the running plan destroys or replaces a version. unsure are the linked clones that the plan has not
// taken off the version so far; those of other tenants, which another provider of the same configuration may destroy, are
// counted. Terraform plans an instance that refers to the version after it, where StaysOn refuses what stays, and one of
// another state not at all; a provider is not told which of the two an instance is.
//
// Where everything is destroyed, what refers to the version is planned before it.
func (l *Library) ExpectRemoval(ctx context.Context, id catalog.VersionID) (unsure []string, err error) {
	l.plan.mu.Lock()
	if l.plan.leaving.versions == nil {
		l.plan.leaving.versions = map[catalog.VersionID]bool{}
	}
	l.plan.leaving.versions[id] = true
	l.plan.mu.Unlock()
	if err := l.Images.Open(ctx); err != nil {
		return nil, err
	}
	instances, _, err := l.Images.Usage().InstancesOf(ctx, id.Template)
	if err != nil {
		return nil, err
	}
	l.plan.mu.Lock()
	defer l.plan.mu.Unlock()
	others := 0
	for _, i := range instances {
		switch {
		case !strategy.HoldsBase(i.Strategy) || i.Version != id.Version || l.plan.leaving.instances[i.Domain.UUID]:
		case i.Tenant != l.me.Tenant:
			others++
		default:
			unsure = append(unsure, i.Tenant+"/"+i.Name)
		}
	}
	slices.Sort(unsure)
	if others > 0 {
		unsure = append(unsure, fmt.Sprintf("%d of other tenants", others))
	}
	return unsure, nil
}

// Unsure warns of linked clones of a version that a plan takes away, where the plan cannot tell whether they leave it.
func Unsure(id catalog.VersionID, clones []string) string {
	return fmt.Sprintf("The plan removes version %q, and these linked clones need its base image: %s. The apply is "+
		"refused if the same plan neither destroys them nor moves them to another version, as for clones of other "+
		"configurations. Then keep the version, and set state = \"archived\" so that "+
		"nothing new is created from it.", id, strings.Join(clones, ", "))
}

// StaysOn refuses that a linked clone stays on a version that the running plan destroys or replaces. name is the instance's,
// "tenant/name".
func (l *Library) StaysOn(id catalog.VersionID, name string, with catalog.Strategy) error {
	if !strategy.HoldsBase(with) || !l.Leaving(id) {
		return nil
	}
	return finding.List{{Path: finding.At("version"), Summary: "Version is removed under its clone", Detail: fmt.Sprintf(
		"Instance %q is a linked clone of version %q, which the plan destroys or replaces: the instance would lose its disk. Keep the version, "+
			"with a resource of its own for each release; or let the instance leave it in the same plan, by version or by strategy = \"clone\".",
		name, id)}}
}
