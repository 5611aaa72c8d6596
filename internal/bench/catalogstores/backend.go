// Package catalogstores measures the stores of catalogs. All do the same work, and the results are
// shown next to the goals: searching, resolving and listing in libraries from small to large, and
// many processes that write to one tenant's library.
package catalogstores

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// Backend is one kind of store.
type Backend struct {
	Name string
	// Make creates the place of an empty catalog. Open finds it by the result of Make, in other
	// processes, too. Removing the test host removes the place.
	Make func(ctx context.Context) (place string, err error)
	// Open opens the catalog over a new connection.
	Open func(ctx context.Context, place string) (store catalog.Store, closed func(), err error)
	// Size describes how much the place holds.
	Size func(ctx context.Context, place string) (string, error)
}

// Pool returns the store that keeps a catalog in a storage pool of the host.
func Pool(uri string) Backend {
	open := func() (*libvirt.Conn, error) { return libvirt.New(libvirt.Options{URI: uri}) }
	return Backend{
		Name: "pool",
		Make: func(ctx context.Context) (string, error) {
			host, err := open()
			if err != nil {
				return "", err
			}
			defer host.Close()
			name := "catalog-" + strings.ToLower(rand.Text()[:8])
			_, err = host.CreateDirPool(ctx, name, "/var/lib/libvirt/"+name)
			return name, err
		},
		Open: func(_ context.Context, place string) (catalog.Store, func(), error) {
			host, err := open()
			if err != nil {
				return nil, nil, err
			}
			return poolstore.New(host, place), func() { host.Close() }, nil
		},
		Size: func(ctx context.Context, place string) (string, error) {
			host, err := open()
			if err != nil {
				return "", err
			}
			defer host.Close()
			if err := host.RefreshPool(ctx, place); err != nil {
				return "", err
			}
			volumes, _, err := host.Volumes(ctx, place, func(string) bool { return true })
			stored := uint64(0)
			for _, v := range volumes {
				stored += v.Allocation
			}
			return fmt.Sprintf("%d volumes, %.1f MiB", len(volumes), float64(stored)/(1<<20)), err
		},
	}
}

// with opens a catalog while do runs.
func (b Backend) with(ctx context.Context, place string, do func(catalog.Store) error) error {
	store, closed, err := b.Open(ctx, place)
	if err != nil {
		return err
	}
	defer closed()
	return do(store)
}

// find returns the backend with that name.
func find(backends []Backend, name string) (Backend, error) {
	for _, b := range backends {
		if b.Name == name {
			return b, nil
		}
	}
	return Backend{}, errors.New("no such store: " + name)
}
