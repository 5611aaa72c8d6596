package planner

import (
	"context"
	"fmt"
	"path"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

// compareDevices replaces the instance for new interfaces that may turn out to have a static
// address: the guest would never be told of it.
func (p *planner) compareDevices(ctx context.Context, i kind.Instance, d kind.Devices) {
	known := i.MACs()
	for _, nic := range d.AddNICs {
		at := finding.At("network_profile").Name("interfaces").Key(nic.Name).Name("ip_configuration")
		if v := leaf(p.plan, at); v != nil && known[nic.Name] == "" && !attribute.Known(ctx, v) {
			p.replaceAt(at)
		}
	}
}

// refuseUntold refuses to delete disks of an import that its state does not have. Providers before
// this one did not report them, so no configuration could have them, and no user has removed them
// from one.
func (p *planner) refuseUntold(d kind.Devices) {
	for _, disk := range d.DropDisks {
		at := finding.At("storage_profile").Name("disks").Key(disk.Name)
		if p.adopting && leaf(p.state, at) == nil {
			face.AddFindings(p.diags, finding.List{{
				Path: at, Summary: "Disk missing from the imported state",
				Detail: fmt.Sprintf("Instance %q has the disk %q, which neither its configuration nor the state "+
					"of its import has, and this change would delete it with its data. Write it into "+
					"storage_profile.disks; or run `terraform state rm` and import the instance again, which shows "+
					"everything that it has.", p.state.Name.ValueString(), disk.Name),
			}})
		}
	}
}

// announceDevices plans what a change of devices changes beside them, and warns of data loss.
func (p *planner) announceDevices(i kind.Instance, d kind.Devices) {
	if len(d.AddNICs)+len(d.DropNICs) > 0 {
		p.plan.MACAddresses = types.MapUnknown(types.StringType)
	}
	if len(d.AddNICs)+len(d.DropNICs)+len(d.Reconnects)+len(d.Swaps) > 0 {
		p.plan.IPAddresses, p.plan.IPAddress = types.ListUnknown(types.StringType), types.StringUnknown()
	}
	for _, disk := range d.DropDisks {
		face.AddWarning(p.diags, finding.Finding{
			Path: finding.At("storage_profile").Name("disks").Key(disk.Name),
			// Terraform shows only one warning of each summary.
			Summary: fmt.Sprintf("Disk %q will be deleted", disk.Name),
			Detail: fmt.Sprintf("Disk %q of instance %q is no longer in the configuration: applying the plan "+
				"detaches the disk and deletes its volume %s with all its data.", disk.Name, i.Facts.Name,
				path.Base(disk.Path)),
		})
	}
}

// announceRestart reports what needs the restart, or refuses it.
func (p *planner) announceRestart(restarts []kind.Restart) {
	p.plan.ForgetGuest()
	name := p.state.Name.ValueString()
	for _, r := range restarts {
		what := fmt.Sprintf("The change of %s needs a restart of instance %q", r.At, name)
		why := ""
		if r.Why != "" {
			why = " " + r.Why
		}
		at := face.Path(r.At[:1])
		if p.plan.AllowRestart.ValueBool() {
			p.diags.AddAttributeWarning(at, "Instance will be restarted", fmt.Sprintf(
				"%s: applying the plan shuts the guest down gracefully and starts it again.%s", what, why))
			continue
		}
		p.diags.AddAttributeError(at, "Change requires a restart", fmt.Sprintf(
			"%s, which allow_restart = false forbids: stop the instance first (power_state = \"stopped\"), "+
				"or allow it.%s",
			what, why))
	}
}
