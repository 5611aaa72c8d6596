// Package elsewhere says of an instance that the host does not have whether another host has it.
package elsewhere

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// Noted tells whether a note is of the host that an instance was found on. Its pool is not
// compared: that may take a request, which a refresh that finds everything as it was does without.
func Noted(note []byte, i kind.Instance) bool {
	host, ok := face.ParseHost(note)
	return ok && host.UUID == i.HostUUID && host.Name == i.Host
}

// Missing says of an instance that the host does not have that it is on another one: an error where
// that is certain, a warning where it may be, and nothing where it is gone.
func Missing(ctx context.Context, c *face.Session, private face.PrivateState, state *model.Instance) diag.Diagnostics {
	var diags diag.Diagnostics
	host, ok := face.HostOf(ctx, private)
	if !ok {
		return diags
	}
	err := c.Provisioner.Here.Moved(ctx, host)
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

// AddError is face.AddTimedError, but of an instance that is missing it says where it is.
func AddError(
	ctx context.Context, diags *diag.Diagnostics, summary string, err error,
	c *face.Session, private face.PrivateState, state *model.Instance,
) {
	if errors.Is(err, provision.ErrNotFound) {
		moved := Missing(ctx, c, private, state)
		diags.Append(moved...)
		if moved.HasError() {
			return
		}
	}
	face.AddTimedError(ctx, diags, summary, err)
}
