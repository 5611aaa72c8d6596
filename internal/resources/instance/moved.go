package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/client"
)

// hostKey is where the private state keeps the host that the instance was last seen on, a provision.HostID in JSON. States of
// earlier releases lack it, until a refresh finds the instance.
const hostKey = "host"

// privateState is the framework's.
type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// hostOf is the host that private state has noted, and whether it has one.
func hostOf(ctx context.Context, private privateState) (provision.HostID, bool) {
	note, _ := private.GetKey(ctx, hostKey)
	return parseHost(note)
}

func parseHost(note []byte) (host provision.HostID, ok bool) {
	err := json.Unmarshal(note, &host)
	return host, err == nil && host != provision.HostID{}
}

// noted tells whether a note is of the host that an instance was found on. Its pool is not compared: that may take a request,
// which a refresh that finds everything as it was does without.
func noted(note []byte, i provision.Instance) bool {
	host, ok := parseHost(note)
	return ok && host.UUID == i.HostUUID && host.Name == i.Host
}

// noteHost notes the provider's host in private state. A host that cannot tell is noted by the next refresh: the instance does
// not need it.
func (r *Resource) noteHost(ctx context.Context, private privateState, diags *diag.Diagnostics) {
	host, err := r.client.Provisioner.HostID(ctx)
	if err != nil {
		tflog.Warn(ctx, "noting the host of an instance", map[string]any{"error": err.Error()})
		return
	}
	note, err := json.Marshal(host)
	if err != nil {
		client.AddError(diags, "Could not note the instance's host", err)
		return
	}
	diags.Append(private.SetKey(ctx, hostKey, note)...)
}

// missing says of an instance that the host does not have that it is on another one: an error where that is certain, a warning
// where it may be, and nothing where it is gone.
func missing(ctx context.Context, c *client.Client, private privateState, state *Model) diag.Diagnostics {
	var diags diag.Diagnostics
	host, ok := hostOf(ctx, private)
	if !ok {
		return diags
	}
	err := c.Provisioner.Moved(ctx, host)
	if moved, ok := errors.AsType[*provision.MovedError](err); ok {
		leftBehind(&diags, moved, state, unlessApplied)
		return diags
	}
	client.AddError(&diags, "Could not read instance", err)
	return diags
}

// addError is client.AddTimedError, but of an instance that is missing it says where it is.
func addError(ctx context.Context, diags *diag.Diagnostics, summary string, err error, c *client.Client, private privateState, state *Model) {
	if errors.Is(err, provision.ErrNotFound) {
		moved := missing(ctx, c, private, state)
		diags.Append(moved...)
		if moved.HasError() {
			return
		}
	}
	client.AddTimedError(ctx, diags, summary, err)
}

// What becomes of an instance that may be on another host, and what to do then.
const (
	unlessApplied = "If the pool was created again, or the host was installed again, the instance is gone, and Terraform makes another one. If " +
		"the provider's configuration now leads to another host with the same name or UUID, do not apply this: the instance is still on the " +
		"first one, and would stay there while Terraform forgets it. Then configure the provider for that host again."
	forgotten = "Terraform has forgotten the instance. If the provider's configuration now leads to another host with the same name or UUID, the " +
		"instance is still on the first one: configure the provider for that host again, import the instance, and destroy it."
)

// leftBehind says where an instance is, or may be, and what to do; doubt is one of the above.
func leftBehind(diags *diag.Diagnostics, moved *provision.MovedError, state *Model, doubt string) {
	instance := fmt.Sprintf("Instance %q (%s)", state.Name.ValueString(), state.ID.ValueString())
	from := fmt.Sprintf("host %q (UUID %s)", moved.From.Name, moved.From.UUID)
	to := fmt.Sprintf("host %q (UUID %s, at %s)", moved.To.Name, moved.To.UUID, moved.URI)
	if moved.Perhaps {
		diags.AddWarning("Instance may be on another host", fmt.Sprintf("%s is not on %s. It was last seen on %s, in the storage pool %s, which is not "+
			"there now. %s", instance, to, from, orUnknown(moved.From.Pool), doubt))
		return
	}
	diags.AddError("Instance is on another host", fmt.Sprintf("%s was last seen on %s. The provider is configured for %s now, which does not have it. "+
		"The instance was left on the first host, with its disks, and stays in the state. Nothing moves an instance between hosts. Configure the "+
		"provider of this resource for the first host again, to keep the instance or to destroy it there. To leave it there on purpose, or if that "+
		"host is gone for good, run `terraform state rm ADDRESS`: Terraform forgets the instance, and the next apply makes another one on %s.",
		instance, from, to, fmt.Sprintf("host %q", moved.To.Name)))
}

// orUnknown is a UUID, or a word for one that was not noted.
func orUnknown(uuid string) string {
	if uuid == "" {
		return "(unknown)"
	}
	return uuid
}
