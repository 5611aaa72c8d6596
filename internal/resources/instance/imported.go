package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/fleet"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// adopt takes over what a configuration has to say to get the instance: what it has beyond its
// version, and the parameters that are not at their defaults. If the version is gone, everything is
// beyond it. adopt warns of what only the configuration knows, if a later change would miss it.
func (r *Resource) adopt(
	ctx context.Context, on *fleet.Member, i kind.Instance, state *model.Instance,
) diag.Diagnostics {
	var diags diag.Diagnostics
	version, err := r.versionOf(ctx, i)
	if err != nil {
		face.AddError(&diags, "Could not read instance", err)
		return diags
	}
	overrides, err := on.Overrides(ctx, i, version)
	if err != nil {
		face.AddError(&diags, "Could not read instance", err)
		return diags
	}
	state.HardwareProfile = attribute.HardwareObject(overrides.Hardware)
	state.NetworkProfile = attribute.NetworkObject(overrides.Network)
	state.StorageProfile = attribute.StorageObject(overrides.Storage)
	given := parameter.NotDefault(version.Spec.Parameters, metadata.SettingValues(i.Facts.Parameters))
	state.Parameters = model.AsWritten(given)
	state.AllowRestart, state.OnVersionChange = types.BoolValue(true), types.StringValue(model.Replace)
	state.OnNoWarm = types.StringValue(kind.NoWarmBoot)
	state.WaitFor = attribute.StringSet(waitsFor(i, on.Reconfigures(i.Type)))
	container := i.Facts.Container
	if container != nil {
		warnOfUntoldSettings(&diags, i, overrides)
	}
	if container == nil || container.System {
		warnOfUntold(&diags, i)
	}
	warnOfSecrets(&diags, i, version, on.ForgetsSecrets(i.Type))
	return diags
}

// versionOf is what an instance was created from; the zero version if that is not known any more.
func (r *Resource) versionOf(ctx context.Context, i kind.Instance) (catalog.Version, error) {
	version, found, err := i.Facts.FrozenVersion()
	if err != nil || found {
		return version, err
	}
	id, err := catalog.ParseTemplateID(i.Facts.Template)
	if err != nil {
		return catalog.Version{}, err
	}
	version, err = r.Library.Version(ctx, id.Version(i.Facts.Version))
	if errors.Is(err, catalog.ErrNotFound) {
		return catalog.Version{}, nil
	}
	return version, err
}

// waitsFor is what an instance is waited for by default. An instance that gets no address is not
// waited for at all, unless it is one that is waited for by what it does: the default means that,
// too.
func waitsFor(i kind.Instance, does bool) []string {
	if !does && !slices.ContainsFunc(i.NICs, func(n profile.NIC) bool { return n.Name != "" && n.IP.Any() }) {
		return []string{}
	}
	return []string{kind.WaitIP}
}

// warnOfUntold warns of what the instance was told at its first boot and its host cannot report.
func warnOfUntold(diags *diag.Diagnostics, i kind.Instance) {
	if i.Facts.Customized.Digest != "" {
		diags.AddAttributeWarning(path.Root("customization"), "Customization not imported",
			fmt.Sprintf("Instance %q was "+
				"created with a customization, of which its host keeps only a digest. Write it into the "+
				"configuration as it was; the plan then records it without changing the instance. Without it, a new "+
				"system disk (on_version_change = \"reimage\") or another instance will have none.", i.Facts.Name))
	}
}

// warnOfUntoldSettings warns of what a container is told at each start and its host cannot report.
func warnOfUntoldSettings(diags *diag.Diagnostics, i kind.Instance, o kind.Overrides) {
	customized := slices.ContainsFunc(i.Facts.Container.Told, func(n metadata.ToldNote) bool {
		return n.By == "customization" && n.Digest != ""
	})
	for _, told := range []struct {
		name, summary string
		is            bool
	}{
		{"container", "Container settings not imported", o.Container},
		{"customization", "Customization not imported", customized},
	} {
		if told.is {
			diags.AddAttributeWarning(path.Root(told.name), told.summary, fmt.Sprintf("Instance %[1]q has settings "+
				"of its own in %[2]s, of which its host keeps only a digest. Write %[2]s into the configuration as it "+
				"was. Without it, the next change of the instance drops these settings, by a restart.", i.Facts.Name,
				told.name))
		}
	}
}

// warnOfSecrets warns of required parameters whose values the host does not report. forgets says
// that the guest has read them for good.
func warnOfSecrets(diags *diag.Diagnostics, i kind.Instance, version catalog.Version, forgets bool) {
	known, secrets := metadata.SettingValues(i.Facts.Parameters), []string{}
	for name, p := range version.Spec.Parameters {
		if p.Required && known[name] == nil {
			secrets = append(secrets, name)
		}
	}
	if len(secrets) == 0 {
		return
	}
	slices.Sort(secrets)
	how, effect := "in parameters_wo", "The container is told them when a change restarts it next"
	if forgets {
		how = "in parameters_wo, with wait_for = [\"cloud_init\"],"
		effect = "Setting them does not change the instance"
	}
	diags.AddAttributeWarning(path.Root("parameters_wo"), "Secrets not imported",
		fmt.Sprintf("Instance %q was created "+
			"with values of %s, which its host does not report. They are required: set them %s before you change "+
			"anything else of the instance. %s, and nothing can verify that they are the same as before.",
			i.Facts.Name, strings.Join(secrets, ", "), how, effect))
}
