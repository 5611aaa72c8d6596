// Package usage finds what uses the images of a pool: instances, by the metadata of their domains, and volumes that stand on an
// image, whoever made them. What belongs to other tenants it counts, and does not name.
package usage

import (
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Usage looks for what uses images.
type Usage struct {
	host   host.Host
	pool   string
	tenant string // whose names may be told
}

// New looks for what uses the images of a pool. What is called as another tenant's it does not name.
func New(h host.Host, pool, tenant string) *Usage { return &Usage{h, pool, tenant} }
