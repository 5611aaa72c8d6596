// Package node reads the machine of a libvirt daemon: what it is, and which networks and devices it
// has.
package node

import (
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
)

// Node is a machine.
type Node struct{ client *rpc.Client }

// New returns the machine of a client's daemon. It makes no request.
func New(c *rpc.Client) *Node { return &Node{client: c} }
