// Package client is what resources and data sources share: what the provider hands them, and how the core's errors
// become diagnostics.
package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Client is a configured provider.
type Client struct {
	Library     *library.Library
	Provisioner *provision.Provisioner
	// Deferred says that part of the provider's configuration is not known yet, as while planning a host that the same
	// apply creates: nothing connects, and checks wait for the apply.
	Deferred bool

	closers []func()
}

// OnClose has Close call something that ends connections.
func (c *Client) OnClose(end func()) { c.closers = append(c.closers, end) }

// Close ends the client's connections. It is for the end of the process.
func (c *Client) Close() {
	for _, end := range c.closers {
		end()
	}
}

// From takes the client out of what Configure was given. nil, without an error, before the provider is configured.
func From(data any) (*Client, diag.Diagnostics) {
	var diags diag.Diagnostics
	if data == nil {
		return nil, diags
	}
	c, ok := data.(*Client)
	if !ok {
		diags.AddError("Unexpected provider data", fmt.Sprintf("The provider handed over %T: please report this to its maintainers.", data))
	}
	return c, diags
}

// Online tells whether the catalogue can be asked.
func (c *Client) Online() bool { return c != nil && !c.Deferred }

// Confirm notes on the host that Terraform has heard of all that was made. It is for the end of the process.
func (c *Client) Confirm(ctx context.Context) error {
	if !c.Online() || c.Library == nil || c.Provisioner == nil {
		return nil
	}
	return errors.Join(c.Provisioner.Confirm(ctx), c.Library.Confirm(ctx))
}

// Ready is Online where there is no going on without it: an error for what has to be read or changed now.
func (c *Client) Ready(_ context.Context, doing string) diag.Diagnostics {
	var diags diag.Diagnostics
	if !c.Online() {
		diags.AddError("Unknown provider configuration", "While "+doing+": the provider's configuration depends on something "+
			"that is not known yet. Create that first, with `terraform apply -target=…`, or configure the provider with known values.")
	}
	return diags
}
