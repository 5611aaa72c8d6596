package instance

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// show writes changes that were made to an instance by other means into the state's profiles, also
// for settings that are not configured. So the next plan sees the difference, and what it reverts.
func (r *Resource) show(
	ctx context.Context, on *fleet.Member, i kind.Instance, state model.Instance, resp *resource.ReadResponse,
) {
	blueprint, err := r.blueprint(ctx, on, i, state)
	if errors.Is(err, catalog.ErrDamaged) {
		face.AddError(&resp.Diagnostics, "Could not read instance", err)
		return
	}
	if err != nil { // nothing to compare with, as for a full clone whose version is gone
		tflog.Warn(ctx, "finding out what of an instance was changed",
			map[string]any{"instance": state.Name.ValueString(), "error": err.Error()})
		return
	}
	for _, d := range on.Drift(i, blueprint) {
		if d.Lost { // the user decides whether to replace an instance for a change made by other means
			resp.Diagnostics.AddAttributeWarning(face.Path(d.Path), "Instance changed outside of Terraform",
				fmt.Sprintf("On "+
					"its host, instance %q now has %s = %v. That cannot be corrected in place: undo the change "+
					"there, configure it that way, or replace the instance with `terraform apply -replace=ADDRESS`.",
					state.Name.ValueString(), d.Path, d.Is))
			continue
		}
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, face.Path(d.Path), d.Is)...)
	}
}

// blueprint is what the state says that the instance is.
func (r *Resource) blueprint(
	ctx context.Context, on *fleet.Member, i kind.Instance, state model.Instance,
) (kind.Blueprint, error) {
	if v, found, err := i.Facts.FrozenVersion(); err != nil || found {
		return blueprintOf(ctx, on, state, catalog.Template{Type: i.Type}, v), err
	}
	id, err := catalog.ParseTemplateID(i.Facts.Template)
	if err != nil {
		return kind.Blueprint{}, err
	}
	template, versions, err := r.Library.Planned(ctx, id)
	if err != nil {
		return kind.Blueprint{}, err
	}
	for _, v := range versions {
		if v.ID.Version == i.Facts.Version {
			return blueprintOf(ctx, on, state, template, v), nil
		}
	}
	return kind.Blueprint{}, fmt.Errorf("version %q: %w", id.Version(i.Facts.Version), catalog.ErrNotFound)
}

// blueprintOf completes what a state asks for with a version.
func blueprintOf(
	ctx context.Context, on *fleet.Member, state model.Instance, template catalog.Template, v catalog.Version,
) kind.Blueprint {
	asked := state.ToRequest(ctx, model.Unplanned{Secrets: types.DynamicNull()})
	blueprint, _ := on.NewBlueprint(asked.Request, template, v) // missing secrets change no device
	return blueprint
}
