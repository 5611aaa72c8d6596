// Package usage finds what uses the images of a pool: instances, by the metadata of their domains,
// and all volumes that stand on an image. It counts what belongs to other tenants, and does not
// name it.
package usage

import (
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Usage looks for users of images.
type Usage struct {
	host   host.Host
	pool   string
	tenant string // whose names may be disclosed
}

// New looks for users of the images of a pool. It does not name things that are named like another
// tenant's.
func New(h host.Host, pool, tenant string) *Usage { return &Usage{h, pool, tenant} }
