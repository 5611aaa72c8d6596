// Package face is what resources and data sources share: what they get from the provider, and how
// errors of the core become diagnostics.
package face

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/fleet/hosts"
	"github.com/novacron/terraform-provider-novacron/internal/fleet/pools"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// Session is what a configured provider works with. It is nil while the provider is not configured.
type Session struct {
	Library      *library.Library
	Fleet        *fleet.Fleet          // all hosts, which have the instances
	Pools        *pools.Administration // resource pools, as far as the user may manage them
	Hosts        *hosts.Administration // states of hosts, as far as the user may change them
	ResourcePool string                // of instances that name none; "" for none
	// KeepSilent says that instances of hosts that do not answer stay in the state as they are.
	KeepSilent bool
	// Deferred says that part of the provider's configuration is unknown, for example while
	// planning a host that the same apply creates. Then the provider connects to nothing, and
	// checks wait for the apply.
	Deferred bool

	closers []func()
}

// OnClose registers a function that ends connections. Close calls it.
func (s *Session) OnClose(end func()) { s.closers = append(s.closers, end) }

// Close ends the session's connections. Call it at the end of the process.
func (s *Session) Close() {
	for _, end := range s.closers {
		end()
	}
}

// Configured reports whether the catalog and the host can be asked.
func (s *Session) Configured() bool { return s != nil && !s.Deferred }

// Confirm records on the host that Terraform has received every response about new objects. Call it
// at the end of the process.
func (s *Session) Confirm(ctx context.Context) error {
	if !s.Configured() || s.Library == nil || s.Fleet == nil {
		return nil
	}
	return errors.Join(s.Fleet.Confirm(ctx), s.Library.Confirm(ctx))
}

// Finish waits for work in the background, as long as ctx allows. Call it after all sessions have
// confirmed.
func (s *Session) Finish(ctx context.Context) {
	if s.Library != nil {
		s.Library.Requests.Finish(ctx)
	}
}

// Require returns an error if the session is not configured, for an operation that must read or
// change something now. doing names the operation, such as "reading a template".
func (s *Session) Require(doing string) diag.Diagnostics {
	var diags diag.Diagnostics
	if !s.Configured() {
		diags.AddError("Unknown provider configuration", "While "+doing+": the provider's configuration depends on "+
			"something that is not known yet. Create that first, with `terraform apply -target=…`, or configure the "+
			"provider with known values.")
	}
	return diags
}

// handedOver returns the session that the provider gave to Configure. Before the provider is
// configured, it returns nil without an error.
func handedOver(data any) (*Session, diag.Diagnostics) {
	var diags diag.Diagnostics
	if data == nil {
		return nil, diags
	}
	s, ok := data.(*Session)
	if !ok {
		diags.AddError("Unexpected provider data",
			fmt.Sprintf("The provider handed over %T: please report this to its maintainers.", data))
	}
	return s, diags
}
