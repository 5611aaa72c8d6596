package host

import "context"

// AllDomains returns the domains of all drivers of a host, with the requests of AllDomains of each. Those
// of a driver that the host cannot use are left out; see Driverless.
func AllDomains(ctx context.Context, h Host) (all []Domain, undescribed []Undescribed, err error) {
	for _, driver := range []Domains{h, h.Containers()} {
		domains, not, err := driver.AllDomains(ctx)
		if Driverless(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		all, undescribed = append(all, domains...), append(undescribed, not...)
	}
	return all, undescribed, nil
}
