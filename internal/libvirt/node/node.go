// Package node reads the machine of a libvirt daemon: what it is, and which networks and devices it
// has.
package node

import (
	"context"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
)

// Node is a machine.
type Node struct{ client *rpc.Client }

// New returns the machine of a client's daemon. It makes no request.
func New(c *rpc.Client) *Node { return &Node{client: c} }

// coldTime is how long a request may take that depends on the capabilities of the host's QEMU, if
// its caller has no deadline. libvirtd caches them. If it has none, as when it runs for the first
// time or QEMU was upgraded, it first starts each QEMU of the host and asks it.
const coldTime = 5 * time.Minute

// patiently is rpc.Ask for such a request.
func patiently[T any](ctx context.Context, m *Node, object string, fn func(*libvirt.Libvirt) (T, error)) (T, error) {
	return rpc.On(ctx, m.client.Control, rpc.Request{
		Op: "reading", Object: object, Readonly: true, Limit: max(coldTime, m.client.CallTimeout()),
	}, fn)
}
