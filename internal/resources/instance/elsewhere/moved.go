// Package elsewhere reports whether another host has an instance that the provider's hosts do not have.
package elsewhere

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// Noted reports whether a note is of the host that an instance was found on. It does not compare
// the pool: that may take a request, and a refresh that finds nothing changed does without it.
func Noted(note []byte, i kind.Instance) bool {
	host, ok := face.ParseHost(note)
	return ok && host.UUID == i.HostUUID && host.Name == i.Host
}

// Missing reports that an instance which no host of the provider has is on another host: an error if
// that is certain, a warning if it may be, and nothing if the instance is gone. on is the host that it was
// last seen on; nil if that is not known.
func Missing(
	ctx context.Context, f *fleet.Fleet, on *fleet.Member, private face.PrivateState, state *model.Instance,
) diag.Diagnostics {
	var diags diag.Diagnostics
	host, ok := face.HostOf(ctx, private)
	if !ok {
		return diags
	}
	err := f.Missing(ctx, on, host)
	if moved, ok := errors.AsType[*hostid.MovedError](err); ok {
		LeftBehind(&diags, moved, state, face.UnlessApplied)
		return diags
	}
	face.AddError(&diags, "Could not read instance", err)
	return diags
}

// LeftBehind says where an instance is, or may be, and what to do.
func LeftBehind(diags *diag.Diagnostics, moved *hostid.MovedError, state *model.Instance, doubt string) {
	name := fmt.Sprintf("Instance %q (%s)", state.Name.ValueString(), state.ID.ValueString())
	face.LeftBehind(diags, moved, "Instance", name, doubt)
}

// AddError is face.AddTimedError, but for a missing instance it says where the instance is.
func AddError(
	ctx context.Context, diags *diag.Diagnostics, summary string, err error,
	f *fleet.Fleet, on *fleet.Member, private face.PrivateState, state *model.Instance,
) {
	if errors.Is(err, provision.ErrNotFound) {
		moved := Missing(ctx, f, on, private, state)
		diags.Append(moved...)
		if moved.HasError() {
			return
		}
	}
	face.AddTimedError(ctx, diags, summary, err)
}
