package library

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// hostsAge is how long a process uses what it has read of the states of hosts. It is long enough for a plan
// of many instances to read them once.
const hostsAge = 10 * time.Second

// Hosts are what the catalog's administrator says of hosts, by their names, up to hostsAge ago. A host that
// is not among them is active. It makes no request for a library that has images on one host alone.
func (r *reader) Hosts(ctx context.Context) (map[string]catalog.Host, error) {
	if !r.named() {
		return nil, nil
	}
	return r.hosts.Get(ctx, func() (map[string]catalog.Host, error) {
		if there, err := r.HasCatalog(ctx); !there {
			return nil, err
		}
		records, err := r.store.Hosts().List(ctx, "")
		if err != nil {
			return nil, err
		}
		all := make(map[string]catalog.Host, len(records))
		for _, rec := range records {
			all[rec.Key] = rec.Value
		}
		return all, nil
	})
}

// named reports whether the hosts of the library have names.
func (r *reader) named() bool { return r.home.HostName() != "" }

// ForgetHosts makes the next Hosts read again, because this process has changed the state of one.
func (r *reader) ForgetHosts() { r.hosts.Forget() }
