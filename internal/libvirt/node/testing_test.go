package node

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// realNode returns the test host's machine.
func realNode(t testing.TB) *Node {
	t.Helper()
	c := rpc.New(must.Get[dial.Target](t)(dial.Parse(virttest.URI(t))), rpc.Options{})
	t.Cleanup(c.Close)
	return New(c)
}
