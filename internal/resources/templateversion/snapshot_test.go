package templateversion

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/resources/attribute"
)

func ready() provision.Snapshot {
	return provision.Snapshot{Snapshot: catalog.Snapshot{
		State: catalog.SnapshotReady, MemorySize: 100, DiskSize: 10, CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0,
			time.UTC),
		Machine: "pc-i440fx-7.2", Engine: catalog.Engine{Hypervisor: "7.2.22", CPU: "aa"},
	}}
}

func failed() provision.Snapshot {
	return provision.Snapshot{
		Snapshot: catalog.Snapshot{State: catalog.SnapshotFailed, Error: "the guest has no agent"},
		Unusable: "it could not be made: the guest has no agent",
	}
}

func useless() provision.Snapshot {
	s := ready()
	s.Unusable = "it was made by QEMU 7.2.22, and the host has QEMU 8.2.0"
	return s
}

func TestASnapshotIsShownWithWhatItHas(t *testing.T) {
	for name, c := range map[string]struct {
		snapshot provision.Snapshot
		want     string
	}{
		"ready": {ready(), `{"created_at":"2026-01-02T03:04:05Z","disk_bytes":10,"error":<null>,` +
			`"machine":"pc-i440fx-7.2","memory_bytes":100,"qemu_version":"7.2.22","state":"ready"}`},
		"failed": {failed(), `{"created_at":<null>,"disk_bytes":<null>,"error":"The guest has no agent.",` +
			`"machine":<null>,"memory_bytes":<null>,"qemu_version":<null>,"state":"failed"}`},
		"unusable": {useless(), `{"created_at":"2026-01-02T03:04:05Z","disk_bytes":10,` +
			`"error":"It was made by QEMU 7.2.22, and the host has QEMU 8.2.0.","machine":"pc-i440fx-7.2",` +
			`"memory_bytes":100,"qemu_version":"7.2.22","state":"unusable"}`},
		"making": {provision.Snapshot{Snapshot: catalog.Snapshot{State: catalog.SnapshotMaking}},
			`{"created_at":<null>,"disk_bytes":<null>,"error":<null>,"machine":<null>,"memory_bytes":<null>,` +
				`"qemu_version":<null>,"state":"making"}`},
	} {
		if got := snapshotObject(c.snapshot).String(); got != c.want {
			t.Errorf("%s: shown is %s, want %s", name, got, c.want)
		}
	}
}

// A plan makes a snapshot that is missing or useless, and leaves alone what is ready or has failed,
// so that not every plan has something to do.
func TestAPlanMakesTheSnapshotThatIsMissing(t *testing.T) {
	none := types.ObjectValueMust(snapshotTypes, noSnapshot(snapshotNone))
	warm, other := attribute.WarmObject(&catalog.Warm{}), attribute.WarmObject(&catalog.Warm{SettleSeconds: 1})
	after := attribute.WarmObject(&catalog.Warm{ResumeCommands: []string{"true"}})
	noWarm, unknown := attribute.WarmObject(nil), types.ObjectUnknown(warm.AttributeTypes(t.Context()))
	null, made := types.ObjectNull(snapshotTypes), types.ObjectUnknown(snapshotTypes)
	is := snapshotObject
	for name, c := range map[string]struct {
		before   types.Object // warm
		snapshot types.Object
		now      types.Object // warm
		changes  bool         // something else of the version changes
		want     types.Object
		warned   string
	}{
		"never wanted":              {noWarm, null, noWarm, true, null, ""},
		"not wanted any more":       {warm, is(ready()), noWarm, true, null, ""},
		"wanted":                    {noWarm, null, warm, true, made, ""},
		"perhaps wanted":            {noWarm, null, unknown, true, made, ""},
		"another wanted":            {warm, is(ready()), other, true, made, ""},
		"ready":                     {warm, is(ready()), warm, false, is(ready()), ""},
		"ready, and something else": {warm, is(ready()), warm, true, is(ready()), ""},
		"ready, and run afterwards": {warm, is(ready()), after, true, is(ready()), ""},
		"failed": {warm, is(failed()), warm, false, is(failed()), "the next change of the " +
			"version tries again"},
		"failed, and something else": {warm, is(failed()), warm, true, made, "This plan tries again"},
		"failed, and another wanted": {warm, is(failed()), other, true, made, ""},
		"unusable": {warm, is(useless()), warm, false, made, "the host has QEMU 8.2.0. Applying " +
			"the plan boots"},
		"none":                   {warm, none, warm, false, made, "the pool has none yet"},
		"imported, and not read": {warm, null, warm, false, made, "the pool has none yet"},
		"another process at it": {warm,
			is(provision.Snapshot{Snapshot: catalog.Snapshot{State: catalog.SnapshotMaking}}),
			warm, false, made, "waits for another process"},
	} {
		state := Model{Facts: Facts{ID: types.StringValue("t/web@1.0.0"), Warm: c.before, WarmSnapshot: c.snapshot}}
		plan := Model{Facts: Facts{Warm: c.now}}
		var diags diag.Diagnostics
		planSnapshot(&plan, &state, c.changes, &diags)
		if !plan.WarmSnapshot.Equal(c.want) {
			t.Errorf("%s: planned is %s, want %s", name, plan.WarmSnapshot, c.want)
		}
		said := ""
		for _, d := range diags {
			said += d.Detail()
		}
		if diags.HasError() || (said == "") != (c.warned == "") || !strings.Contains(said, c.warned) {
			t.Errorf("%s: the plan says %q, want %q", name, said, c.warned)
		}
	}
}
