package catalogcmd

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// others are the documents that have nothing to do with images.
type others struct {
	requests   []catalog.ProvisioningRequest
	pools      []catalog.ResourcePool
	hosts      []catalog.Host
	placements []catalog.Placement
}

// written counts what was written of each kind.
type written struct{ requests, pools, hosts, placements tally }

func readOthers(ctx context.Context, from contents) (o others, err error) {
	if o.requests, err = from.requests(ctx); err == nil {
		o.pools, err = from.resourcePools(ctx)
	}
	if err == nil {
		o.hosts, err = from.hosts(ctx)
	}
	if err == nil {
		o.placements, err = from.placements(ctx)
	}
	return o, err
}

func requestKey(r catalog.ProvisioningRequest) string { return r.ID.String() }

func poolKey(r catalog.ResourcePool) string { return r.Name }

func hostKey(h catalog.Host) string { return h.Name }

// put creates resource pools before the placements that count against their quotas.
func (o others) put(ctx context.Context, to *end) (n written, err error) {
	err = putAll(ctx, to.store.Requests(), requestKey, o.requests, &n.requests)
	if err == nil {
		err = putAll(ctx, to.store.ResourcePools(), poolKey, o.pools, &n.pools)
	}
	if err == nil {
		err = putAll(ctx, to.store.Hosts(), hostKey, o.hosts, &n.hosts)
	}
	if err == nil {
		err = putAll(ctx, to.store.Placements(), catalog.Placement.Key, o.placements, &n.placements)
	}
	return n, err
}

func putAll[T any](ctx context.Context, c catalog.Collection[T], key func(T) string, values []T, t *tally) error {
	for _, value := range values {
		if err := put(ctx, c, key(value), value, t); err != nil {
			return err
		}
	}
	return nil
}

// compare calls differ for each document that both have.
func (o others) compare(ctx context.Context, to *end, differ func(what, key string, fields []string)) error {
	err := compareAll(ctx, to.store.Requests(), "request", to.prefix(), requestKey, o.requests, differ)
	if err == nil {
		err = compareAll(ctx, to.store.ResourcePools(), "resource pool", "", poolKey, o.pools, differ)
	}
	if err == nil {
		err = compareAll(ctx, to.store.Hosts(), "host", "", hostKey, o.hosts, differ)
	}
	if err == nil {
		err = compareAll(ctx, to.store.Placements(), "placement", to.prefix(), catalog.Placement.Key, o.placements,
			differ)
	}
	return err
}

func compareAll[T any](
	ctx context.Context, c catalog.Collection[T], what, prefix string, key func(T) string, values []T,
	differ func(what, key string, fields []string),
) error {
	if len(values) == 0 {
		return nil
	}
	there, err := byKey(c.List(ctx, prefix))
	if err != nil {
		return err
	}
	for _, value := range values {
		if other, both := there[key(value)]; both {
			differ(what, key(value), differences(value, other))
		}
	}
	return nil
}

// documentsOf writes the documents of one kind.
func documentsOf[T any](w *writer, prefix string, key func(T) string, values []T) error {
	for _, value := range values {
		if err := w.document(prefix+key(value)+".json", value); err != nil {
			return err
		}
	}
	return nil
}
