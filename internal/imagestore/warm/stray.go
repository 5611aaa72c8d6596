package warm

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Several hosts may have the pool, and the domain of a guest is on one of them. A process of another
// host that removes what a dead process has left does not see the domain. So each host looks for
// domains that no document leads to. A document has the stem before the domain exists, so such a
// domain was forgotten. A domain whose disk is not in this pool belongs to a snapshot of another
// pool.

// guests lists the domains of snapshots on this host.
func (s *Store) guests(ctx context.Context) ([]host.Domain, error) {
	domains, _, err := s.host.DomainsNamed(ctx, naming.IsWarm)
	if err == nil && len(domains) > 0 { // documents that are read next must be no older
		err = s.host.RefreshPool(ctx, s.pool.Name())
	}
	return domains, err
}

// clearStrays removes those of the domains that none of the documents leads to. The documents were
// read after the domains.
func (s *Store) clearStrays(
	ctx context.Context, domains []host.Domain, documents []catalog.Record[catalog.Snapshot],
) error {
	if len(domains) == 0 {
		return nil
	}
	pool, err := s.host.Pool(ctx, s.pool.Name())
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range domains {
		known := slices.ContainsFunc(documents, func(rec catalog.Record[catalog.Snapshot]) bool {
			return slices.Contains(rec.Value.Stems(), d.Name)
		})
		here := slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool {
			return path.Dir(disk.Path) == path.Clean(pool.Path) && path.Base(disk.Path) == naming.WarmDisk(d.Name)
		})
		if !known && here {
			errs = append(errs, s.clearDomain(ctx, d.Name))
		}
	}
	return errors.Join(errs...)
}
