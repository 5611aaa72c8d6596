package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Remnant is a domain on a host that was an instance, and is one no longer by the catalog.
type Remnant struct {
	Domain string // its name on the host
	UUID   string
	// Now is the host that has the instance of the same name now; "" if the catalog has none of that name.
	Now string
}

// String is the remnant as messages show it.
func (r Remnant) String() string {
	if r.Now == "" {
		return fmt.Sprintf("%s (%s): the catalog has no instance of that name", r.Domain, r.UUID)
	}
	return fmt.Sprintf("%s (%s): the instance is on host %s now", r.Domain, r.UUID, r.Now)
}

// supersedes reports whether a placement says that a domain of its instance's name is not the instance: it has
// another UUID, or was moved away. moving is the note of a move that the domain has.
func supersedes(p catalog.Placement, uuid, on, moving string) bool {
	if p.UUID == "" {
		return p.Host != on
	}
	return p.UUID != uuid || p.Host != on && moving != ""
}

// Remnants are the domains of a host that the catalog says are not its instances, by their names. placed are
// the placements to go by, of the tenants whose domains are looked at: of one tenant, or of all.
//
// It also returns the domains that have no placement at all. Most are those of instances that were destroyed
// while the host was lost, but an instance that was created before the configuration named its hosts, and never
// changed since, has none either.
func (f *Fleet) Remnants(ctx context.Context, m *Member, placed []catalog.Record[catalog.Placement], tenant string) (
	superseded, unplaced []Remnant, err error,
) {
	kept, err := m.Kept(ctx)
	if err != nil {
		return nil, nil, err
	}
	by := make(map[string]catalog.Placement, len(placed))
	for _, rec := range placed {
		by[rec.Key] = rec.Value
	}
	for _, i := range kept {
		if tenant != "" && i.Tenant != tenant {
			continue
		}
		p, there := by[catalog.PlacementKey(i.Tenant, i.Name)]
		r := Remnant{Domain: i.Domain.Name, UUID: i.Domain.UUID, Now: p.Host}
		switch {
		case !there:
			unplaced = append(unplaced, r)
		case p.State == catalog.PlacementMoving && p.UUID == i.Domain.UUID: // which ends by itself
		case supersedes(p, i.Domain.UUID, m.Name, i.Moving):
			superseded = append(superseded, r)
		}
	}
	byName := func(a, b Remnant) int { return strings.Compare(a.Domain, b.Domain) }
	slices.SortFunc(superseded, byName)
	slices.SortFunc(unplaced, byName)
	return superseded, unplaced, nil
}

// Superseded are the domains of the fleet's tenant on a host that are not its instances any more; see
// Remnants. In a fleet whose host has no name, there are none. room is the host's: only if it shows a domain
// that may be such a one, more is asked of the host.
func (f *Fleet) Superseded(ctx context.Context, m *Member, room provision.Room) ([]string, error) {
	if !f.Named() {
		return nil, nil
	}
	placed, err := f.placed(ctx)
	if err != nil {
		return nil, err
	}
	all := []string{}
	if !slices.ContainsFunc(placed, func(rec catalog.Record[catalog.Placement]) bool {
		uuid := room.Domain(naming.Domain(rec.Value.Tenant, rec.Value.Name))
		return uuid != "" && (uuid != rec.Value.UUID || rec.Value.Host != m.Name)
	}) {
		return all, nil
	}
	superseded, _, err := f.Remnants(ctx, m, placed, f.library.Tenant())
	for _, r := range superseded {
		all = append(all, r.Domain)
	}
	return all, err
}
