package imagestore

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// life is what is known of a process.
type life int

const (
	unknown life = iota
	alive
	dead
)

// worker is what is known of the process that sends a base: it lives as long as the lease of the
// registration that the base is for, or that a copy has. An image of which little is data is hashed
// for minutes in which its volume does not change, so the lease counts more than that. Nothing is
// known of a process that removes a base, of registrations in another catalog, and of those that
// only their tenant sees: their names are not ids. If rules for polkit hide other tenants'
// documents, those only seem to be absent. The lease of the version that waits says nothing either:
// it does not send the base, but an earlier attempt may have left it.
func (j joiner) worker(ctx context.Context, base catalog.Base, waits catalog.VersionID) (life, error) {
	if base.State != catalog.BaseUploading {
		return unknown, nil
	}
	if base.Copy != nil {
		abandoned, err := base.Copy.Lease().Abandoned(ctx, j.poolTime)
		if err != nil || abandoned {
			return dead, err
		}
		return alive, nil
	}
	found := dead
	for _, id := range base.Versions {
		if _, err := catalog.ParseVersionID(id); err != nil || id == waits.String() {
			found = unknown // another catalog's, or its own
			continue
		}
		rec, err := j.catalog.Versions().Get(ctx, id)
		switch {
		case errors.Is(err, catalog.ErrNotFound):
			if !catalog.IsVersionOf(j.tenant, id) {
				found = unknown
			}
		case err != nil:
			return unknown, err
		default:
			switch j.registrant(ctx, rec.Value) {
			case alive:
				return alive, nil
			case unknown:
				found = unknown
			}
		}
	}
	return found, nil
}

// registrant is what is known of the process that registers a version. It is unknown if the version
// is registered, or if the catalog's clock cannot be read.
func (st *Store) registrant(ctx context.Context, v catalog.Version) life {
	if v.Claim == nil {
		return unknown
	}
	abandoned, err := v.Claim.Lease().Abandoned(ctx, st.catalog.Now)
	switch {
	case err != nil:
		return unknown
	case abandoned:
		return dead
	default:
		return alive
	}
}
