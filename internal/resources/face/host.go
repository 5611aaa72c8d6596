package face

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
)

// HostKey is the key in private state of the host that an object was last seen on, as the JSON of a
// hostid.ID. States of earlier releases lack it until a refresh finds their objects.
const HostKey = "host"

// PrivateState is the framework's private state of a resource.
type PrivateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// HostOf returns the host recorded in private state. The second result is false if there is none.
func HostOf(ctx context.Context, private PrivateState) (hostid.ID, bool) {
	note, _ := private.GetKey(ctx, HostKey)
	return ParseHost(note)
}

// ParseHost reads the value that private state has for HostKey.
func ParseHost(note []byte) (host hostid.ID, ok bool) {
	err := json.Unmarshal(note, &host)
	return host, err == nil && host != hostid.ID{}
}

// NoteHost records a host in private state. If the host cannot be identified now, the next refresh
// records it, since the object does not depend on the record.
func NoteHost(ctx context.Context, here *hostid.Here, private PrivateState, diags *diag.Diagnostics) {
	host, err := here.ID(ctx)
	if err != nil {
		tflog.Warn(ctx, "noting the host", map[string]any{"error": err.Error()})
		return
	}
	note, err := json.Marshal(host)
	if err != nil {
		AddError(diags, "Could not note host", err)
		return
	}
	diags.Append(private.SetKey(ctx, HostKey, note)...)
}

// NotePool is NoteHost for an object in a catalog, of the host that has the library's pool. If the
// record already has that pool, NotePool does not ask the host. A catalog in a database is on no host.
func (s *Session) NotePool(ctx context.Context, private PrivateState, diags *diag.Diagnostics) {
	if s.Library.InPool() && !s.samePool(ctx, private) {
		NoteHost(ctx, s.Fleet.Home().Here, private, diags)
	}
}

func (s *Session) samePool(ctx context.Context, private PrivateState) bool {
	noted, ok := HostOf(ctx, private)
	if !ok {
		return false
	}
	uuid, err := s.Library.Images.Pool().UUID(ctx)
	return err == nil && uuid == noted.Pool
}

// What happens to an object that may be on another host, and what to do then.
const (
	UnlessApplied = "If the pool was created again, or the host was installed again, it is gone, and Terraform " +
		"creates another one. If the provider's configuration now leads to another host with the same name or UUID, " +
		"do not apply this: it is still on the first one, and would stay there while Terraform forgets it. Then " +
		"configure the provider for that host again."
	Forgotten = "Terraform has forgotten it. If the provider's configuration now leads to another host with the same " +
		"name or UUID, it is still on the first one: configure the provider for that host again, import it, " +
		"and destroy it."
)

// MissingFromPool reports that an object which the pool's catalog lacks is in the catalog of
// another host or pool. If that is certain, it reports an error, and if it is possible, a warning.
// If the object is gone, it reports nothing. kind is "Template" or "Version", and doubt is
// UnlessApplied or Forgotten.
func (s *Session) MissingFromPool(ctx context.Context, private PrivateState, kind, id, doubt string) diag.Diagnostics {
	var diags diag.Diagnostics
	noted, ok := HostOf(ctx, private)
	if !ok || !s.Library.InPool() {
		return diags
	}
	err := s.Fleet.Home().Here.MovedLibrary(ctx, noted)
	if moved, ok := errors.AsType[*hostid.MovedError](err); ok {
		LeftBehind(&diags, moved, kind, fmt.Sprintf("%s %q", kind, id), doubt)
		return diags
	}
	AddError(&diags, "Could not read host", err)
	return diags
}

// DeletedFromPool is MissingFromPool for an object that is about to be deleted, if read does not
// find it. Terraform may not have refreshed the state before. If the record has the library's pool,
// DeletedFromPool reads nothing.
func (s *Session) DeletedFromPool(
	ctx context.Context, private PrivateState, kind, id string, missing func() bool,
) diag.Diagnostics {
	if !s.Library.InPool() || s.samePool(ctx, private) || !missing() {
		return nil
	}
	return s.MissingFromPool(ctx, private, kind, id, Forgotten)
}

// LeftBehind reports where an object is or may be, and what to do. kind is "Instance", "Template"
// or "Version", and named is the kind with the object's name.
func LeftBehind(diags *diag.Diagnostics, moved *hostid.MovedError, kind, named, doubt string) {
	from := fmt.Sprintf("host %q (UUID %s)", moved.From.Name, moved.From.UUID)
	to := fmt.Sprintf("host %q (UUID %s, at %s)", moved.To.Name, moved.To.UUID, moved.URI)
	switch {
	case moved.Perhaps:
		diags.AddWarning(kind+" may be on another host",
			fmt.Sprintf("%s is not on %s. It was last seen on %s, in the storage pool %s, which is not "+
				"there now. %s", named, to, from, orUnknown(moved.From.Pool), doubt))
	case moved.FromPool != "":
		diags.AddError(kind+" is in another storage pool",
			fmt.Sprintf("%s was last seen in the storage pool %q of host %q. The provider is configured "+
				"for the pool %q there now, which does not have it. It was left in the first pool, and stays in the "+
				"state. Configure the provider of this resource for the first pool again, to keep it or to destroy "+
				"it there. To leave it there on purpose, run `terraform state rm ADDRESS`: Terraform forgets it, and "+
				"the next apply creates another one in the pool %q.",
				named, moved.FromPool, moved.To.Name, moved.ToPool, moved.ToPool))
	default:
		diags.AddError(kind+" is on another host",
			fmt.Sprintf("%s was last seen on %s. The provider is configured for %s now, which does not have it. "+
				"It was left on the first host with all that belongs to it, and stays in the state. Nothing moves it "+
				"between hosts. Configure the provider of this resource for the first host again, to keep it or to "+
				"destroy it there. To leave it there on purpose, or if that host is gone for good, run `terraform "+
				"state rm ADDRESS`: Terraform forgets it, and the next apply creates another one on host %q.",
				named, from, to, moved.To.Name))
	}
}

// orUnknown returns a UUID, or a phrase if none was recorded.
func orUnknown(uuid string) string {
	if uuid == "" {
		return "(unknown)"
	}
	return uuid
}
