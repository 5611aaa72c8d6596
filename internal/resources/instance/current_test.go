package instance

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/parameter"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance/model"
)

// anInstance is an instance that has a value in every field.
func anInstance() kind.Instance {
	return kind.Instance{
		Type: catalog.TypeContainer, Health: kind.HealthHealthy, ExitCode: new(3), Restarts: 1,
		UUID: "0d633158-1cdb-4736-a3ff-0c9bd3c819c5", DomainName: "t.web", Host: "kvm1", Description: "a web server",
		State: host.StateRunning, Autostart: true, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.5")},
		NICs: []profile.NIC{{Name: "eth0", MAC: "52:54:00:00:00:01"}, {Name: "eth1", MAC: "52:54:00:00:00:02"}},
		Facts: metadata.Facts{
			Tenant:   "t",
			Name:     "web",
			Template: "t/debian",
			Version:  "1.0.0",
			Digest:   "sha256:aa",
			Strategy: "linked_clone",
			Labels:   metadata.Pairs(map[string]string{"a": "1", "b": "2"}),
			Parameters: metadata.Settings(parameter.Values{
				"hostname": {Type: "string", Text: "web"},
				"port":     {Type: "integer", Text: "80"},
				"tags":     {Type: "list", Text: `["a"]`},
				"env":      {Type: "map", Text: `{"a":"b"}`},
				"on":       {Type: "bool", Text: "true"},
			}),
			Protected: true,
		},
	}
}

// aState is the state that reading the instance leaves, in Terraform's encoding, and the model
// behind it.
func aState(t *testing.T, m model.Instance) fastpath.State {
	t.Helper()
	var s resource.SchemaResponse
	(&Resource{}).Schema(t.Context(), resource.SchemaRequest{}, &s)
	state := tfsdk.State{Schema: s.Schema, Raw: tftypes.NewValue(s.Schema.Type().TerraformType(t.Context()), nil)}
	if diags := state.Set(t.Context(), m); diags.HasError() {
		t.Fatal(diags)
	}
	v, err := tfprotov6.NewDynamicValue(s.Schema.Type().TerraformType(t.Context()), state.Raw)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := fastpath.Decode(&v)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func blankModel(t *testing.T) model.Instance {
	t.Helper()
	var s resource.SchemaResponse
	(&Resource{}).Schema(t.Context(), resource.SchemaRequest{}, &s)
	state := tfsdk.State{Schema: s.Schema, Raw: tftypes.NewValue(s.Schema.Type().TerraformType(t.Context()), nil)}
	blank := model.Instance{
		Labels:       types.MapNull(types.StringType),
		WaitFor:      types.SetNull(types.StringType),
		IPAddresses:  types.ListNull(types.StringType),
		MACAddresses: types.MapNull(types.StringType),
		Provisioning: types.ObjectNull(model.ProvisioningTypes),
		AllowRestart: types.BoolValue(true),
	}
	for name, to := range map[string]*types.Object{
		"customization": &blank.Customization, "hardware_profile": &blank.HardwareProfile,
		"network_profile": &blank.NetworkProfile, "storage_profile": &blank.StorageProfile,
		"placement": &blank.Placement, "container": &blank.Container,
	} {
		*to = types.ObjectNull(s.Schema.Attributes[name].GetType().(attr.TypeWithAttributeTypes).AttributeTypes())
	}
	blank.Timeouts = timeouts.Value{
		Object: types.ObjectNull(s.Schema.Blocks["timeouts"].Type().(attr.TypeWithAttributeTypes).AttributeTypes()),
	}
	if diags := state.Set(t.Context(), blank); diags.HasError() {
		t.Fatal(diags)
	}
	return blank
}

func TestStateIsCurrentUntilTheHostSaysOtherwise(t *testing.T) {
	m := blankModel(t)
	m.FromInstance(anInstance(), "")
	state, none := aState(t, m), types.StringNull()
	if !current(t.Context(), state, anInstance(), "", none) {
		t.Fatal("what was just read is not current")
	}
	if current(t.Context(), state, anInstance(), "", types.StringValue("2.0.0")) {
		t.Error("a newer version goes unseen")
	}
	for name, change := range map[string]func(*kind.Instance){
		"description":    func(i *kind.Instance) { i.Description = "" },
		"state":          func(i *kind.Instance) { i.State = host.StatePaused },
		"autostart":      func(i *kind.Instance) { i.Autostart = false },
		"address":        func(i *kind.Instance) { i.Addresses = nil },
		"second address": func(i *kind.Instance) { i.Addresses = append(i.Addresses, netip.MustParseAddr("fd00::1")) },
		"mac":            func(i *kind.Instance) { i.NICs[1].MAC = "52:54:00:00:00:03" },
		"nic":            func(i *kind.Instance) { i.NICs = i.NICs[:1] },
		"host":           func(i *kind.Instance) { i.Host = "kvm2" },
		"domain":         func(i *kind.Instance) { i.DomainName = "t.web2" },
		"version":        func(i *kind.Instance) { i.Facts.Version = "1.0.1" },
		"digest":         func(i *kind.Instance) { i.Facts.Digest = "sha256:bb" },
		"strategy":       func(i *kind.Instance) { i.Facts.Strategy = "clone" },
		"labels":         func(i *kind.Instance) { i.Facts.Labels = i.Facts.Labels[:1] },
		"parameters":     func(i *kind.Instance) { i.Facts.Parameters[0].Value = "other" },
		"protection":     func(i *kind.Instance) { i.Facts.Protected = false },
		"template":       func(i *kind.Instance) { i.Facts.Template = "t/other" },
		"name":           func(i *kind.Instance) { i.Facts.Name = "web2" },
		"tenant":         func(i *kind.Instance) { i.Facts.Tenant = "u" },
		"health":         func(i *kind.Instance) { i.Health = kind.HealthUnhealthy },
		"no health":      func(i *kind.Instance) { i.Health = "" },
		"exit code":      func(i *kind.Instance) { i.ExitCode = new(0) },
		"no exit code":   func(i *kind.Instance) { i.ExitCode = nil },
		"restarts":       func(i *kind.Instance) { i.Restarts++ },
		"uuid":           func(i *kind.Instance) { i.UUID = "0d633158-1cdb-4736-a3ff-0c9bd3c819c6" },
	} {
		changed := anInstance()
		if change(&changed); current(t.Context(), state, changed, "", none) {
			t.Errorf("a change of %s goes unseen", name)
		}
	}
}

// An empty value stays in the form in which the user wrote it.
func TestNothingIsCurrentHoweverItIsWritten(t *testing.T) {
	i := anInstance()
	i.Description, i.Facts.Labels = "", nil
	for name, m := range map[string]func(*model.Instance){
		"left out": func(*model.Instance) {},
		"empty": func(m *model.Instance) {
			m.Description, m.Labels = types.StringValue(""),
				types.MapValueMust(types.StringType, map[string]attr.Value{})
		},
	} {
		written := blankModel(t)
		m(&written)
		written.FromInstance(i, "")
		if !current(t.Context(), aState(t, written), i, "", types.StringNull()) {
			t.Errorf("%s: not current", name)
		}
	}
	imported := blankModel(t)
	imported.FromInstance(i, "")
	imported.AllowRestart = types.BoolNull()
	if current(t.Context(), aState(t, imported), i, "", types.StringNull()) {
		t.Error("what was just imported lacks what reading fills in, and is current")
	}
}

// told must name everything that fromInstance takes over.
func TestToldIsWhatReadingChanges(t *testing.T) {
	before, after := model.Instance{AllowRestart: types.BoolValue(true)},
		model.Instance{AllowRestart: types.BoolValue(true)}
	after.FromInstance(anInstance(), "kvm1")
	told := after.Told()
	b, a := reflect.ValueOf(before), reflect.ValueOf(after)
	for n := range b.NumField() {
		name := b.Type().Field(n).Tag.Get("tfsdk")
		// null becomes null
		changed := !reflect.DeepEqual(b.Field(n).Interface(), a.Field(n).Interface()) && name != "provisioning"
		if _, named := told[name]; named != changed {
			t.Errorf("%s: changed by reading: %t, compared: %t", name, changed, named)
		}
	}
}

func TestWhatIsValidByItself(t *testing.T) {
	object := types.ObjectValueMust(map[string]attr.Type{"hostname": types.StringType, "port": types.NumberType},
		map[string]attr.Value{"hostname": types.StringValue("web"), "port": types.NumberUnknown()})
	for name, c := range map[string]struct {
		name       types.String
		parameters types.Dynamic
		valid      bool
	}{
		"a name":               {types.StringValue("web-1"), types.DynamicNull(), true},
		"a wrong name":         {types.StringValue("web_1"), types.DynamicNull(), false},
		"a name not known":     {types.StringUnknown(), types.DynamicNull(), false},
		"parameters":           {types.StringValue("web-1"), types.DynamicValue(object), true},
		"parameters not known": {types.StringValue("web-1"), types.DynamicUnknown(), true},
		"a list": {
			types.StringValue("web-1"), types.DynamicValue(types.ListValueMust(types.StringType, nil)), false,
		},
	} {
		m := blankModel(t)
		m.Name, m.Parameters = c.name, c.parameters
		config, valid := aState(t, m), true
		for _, alone := range (&Resource{}).Alone() {
			valid = valid && alone(t.Context(), config)
		}
		if valid != c.valid {
			t.Errorf("%s: valid is %t, want %t", name, valid, c.valid)
		}
	}
}
