package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// IdentitySchema implements resource.ResourceWithIdentity.
func (r *Resource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = face.NamedSchema("The host's name.")
}

// ImportState implements resource.ResourceWithImportState: by the name, or by the identity.
func (r *Resource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	resp.Diagnostics.Append(r.Require("importing the state of a host")...)
	name := face.NameToImport(ctx, req, resp)
	if resp.Diagnostics.HasError() {
		return
	}
	_, err := r.Hosts.Get(ctx, name)
	if errors.Is(err, catalog.ErrNotFound) {
		err = fmt.Errorf("the catalog says nothing of a host %q, so that it is active", name)
	}
	if err != nil {
		face.AddError(&resp.Diagnostics, "Could not import the state of a host", err)
		return
	}
	face.ImportNamed(ctx, name, resp)
}
