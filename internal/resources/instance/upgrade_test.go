package instance

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

func TestStateOfTheFirstSchemaIsUpgraded(t *testing.T) {
	var s resource.SchemaResponse
	(&Resource{}).Schema(t.Context(), resource.SchemaRequest{}, &s)
	const old = `{"name": "web", "id": "0d633158-1cdb-4736-a3ff-0c9bd3c819c5", "parameters": {"type": ["object", ` +
		`{"n": "number"}], "value": {"n": 12345678901234567890}}, "provisioning": {"request_id": "R", ` +
		`"duration_seconds": 3, "steps": [{"name": "define", "duration_ms": 95}]}}`
	upgrader := (&Resource{}).UpgradeState(t.Context())[0]
	var resp resource.UpgradeStateResponse
	upgrader.StateUpgrader(t.Context(), resource.UpgradeStateRequest{RawState: &tfprotov6.RawState{JSON: []byte(old)}},
		&resp)
	if resp.Diagnostics.HasError() {
		t.Fatal(resp.Diagnostics)
	}
	// Terraform itself fills in what the old schema did not have.
	raw := tfprotov6.RawState{JSON: resp.DynamicValue.JSON}
	value, err := raw.UnmarshalWithOpts(s.Schema.Type().TerraformType(t.Context()), tfprotov6.UnmarshalOpts{})
	if err != nil {
		t.Fatal(err)
	}
	var m model.Instance
	if diags := (tfsdk.State{Schema: s.Schema, Raw: value}).Get(t.Context(), &m); diags.HasError() {
		t.Fatal(diags)
	}
	if m.Name.ValueString() != "web" || m.OnVersionChange.ValueString() != "replace" ||
		m.OnNoWarm.ValueString() != "boot" || !m.UpdateAvailable.IsNull() {
		t.Errorf("the state became %+v", m)
	}
	made := m.Provisioning.Attributes()
	if !made["request_id"].Equal(types.StringValue("R")) || !made["duration_seconds"].Equal(types.Int64Value(3)) {
		t.Errorf("provisioning became %s", m.Provisioning)
	}
	if g, _ := model.Given(m.Parameters, types.DynamicNull()); len(g.Parameters) != 1 {
		t.Errorf("the parameters became %v", m.Parameters)
	}

	next := (&Resource{}).UpgradeState(t.Context())[1]
	const newer = `{"name": "web", "on_version_change": "reimage", "provisioning": {"status": "completed", "steps": ` +
		`[]}, "parameters_wo_version": 12345678901234567890}`
	resp = resource.UpgradeStateResponse{}
	next.StateUpgrader(t.Context(), resource.UpgradeStateRequest{RawState: &tfprotov6.RawState{JSON: []byte(newer)}},
		&resp)
	const want = `{"name":"web","on_no_warm":"boot","on_version_change":"reimage",` +
		`"parameters_wo_version":12345678901234567890,"provisioning":{"status":"completed"}}`
	if resp.Diagnostics.HasError() || string(resp.DynamicValue.JSON) != want {
		t.Errorf("a state of version 1 became %s, %v", resp.DynamicValue.JSON, resp.Diagnostics)
	}

	upgrader.StateUpgrader(t.Context(), resource.UpgradeStateRequest{RawState: &tfprotov6.RawState{JSON: []byte("[")}},
		&resp)
	if !resp.Diagnostics.HasError() {
		t.Error("a torn state was upgraded")
	}
}
