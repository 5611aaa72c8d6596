package host

import (
	"context"
	"errors"
)

// AllDomains returns the domains of all drivers of a host, with the requests of AllDomains of each. A
// driver that the host does not have has none.
func AllDomains(ctx context.Context, h Host) (all []Domain, undescribed []Undescribed, err error) {
	for _, driver := range []Domains{h, h.Containers()} {
		domains, not, err := driver.AllDomains(ctx)
		if errors.Is(err, ErrNoDriver) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		all, undescribed = append(all, domains...), append(undescribed, not...)
	}
	return all, undescribed, nil
}
