package kind

import (
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
)

// Site is a host with a library, as drivers share it.
type Site struct {
	Host      host.Host
	Inventory *inventory.Inventory
	Volumes   *volumes.Volumes
	Networks  *network.Networks
	Tenant    string // the library's
}
