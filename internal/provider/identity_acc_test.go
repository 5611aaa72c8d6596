package provider_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/tfacc"
)

// fields are attributes of a resource, as text or in Terraform's values; the others are null.
type fields map[string]any

// terraform talks to a provider in the protocol, as a Terraform that knows of identities does.
type terraform struct {
	t          *testing.T
	server     tfprotov6.ProviderServer
	resources  map[string]tftypes.Object
	identities map[string]tftypes.Object
}

// talk configures a provider for a pool.
func talk(t *testing.T, pool string) *terraform {
	t.Helper()
	tf := &terraform{
		t: t, server: server(t), resources: map[string]tftypes.Object{}, identities: map[string]tftypes.Object{},
	}
	schemas, err := tf.server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	tf.must(err, schemas.Diagnostics)
	for name, s := range schemas.ResourceSchemas {
		tf.resources[name], _ = s.ValueType().(tftypes.Object)
	}
	identities, err := tf.server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	tf.must(err, identities.Diagnostics)
	for name, s := range identities.IdentitySchemas {
		tf.identities[name], _ = s.ValueType().(tftypes.Object)
	}
	configuration, _ := schemas.Provider.ValueType().(tftypes.Object)
	configured, err := tf.server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		Config: tf.encode(configuration, fields{"pool": pool}),
	})
	tf.must(err, configured.Diagnostics)
	return tf
}

func (tf *terraform) must(err error, diagnostics []*tfprotov6.Diagnostic) {
	tf.t.Helper()
	if err := errors.Join(err, refusal(diagnostics)); err != nil {
		tf.t.Fatal(err)
	}
}

// refusal is what was said in errors.
func refusal(diagnostics []*tfprotov6.Diagnostic) error {
	var said []error
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			said = append(said, errors.New(d.Summary+": "+d.Detail))
		}
	}
	return errors.Join(said...)
}

// value is an object of a type with these attributes; null for nil.
func value(of tftypes.Object, f fields) tftypes.Value {
	if f == nil {
		return tftypes.NewValue(of, nil)
	}
	attributes := map[string]tftypes.Value{}
	for name, kind := range of.AttributeTypes {
		if set, ok := f[name].(tftypes.Value); ok {
			attributes[name] = set
		} else {
			attributes[name] = tftypes.NewValue(kind, f[name])
		}
	}
	return tftypes.NewValue(of, attributes)
}

func (tf *terraform) encode(of tftypes.Object, f fields) *tfprotov6.DynamicValue {
	tf.t.Helper()
	v, err := tfprotov6.NewDynamicValue(of, value(of, f))
	tf.must(err, nil)
	return &v
}

// says reads an identity.
func (tf *terraform) says(resource string, identity *tfprotov6.ResourceIdentityData) map[string]string {
	tf.t.Helper()
	if identity == nil {
		return nil
	}
	v, err := identity.IdentityData.Unmarshal(tf.identities[resource])
	tf.must(err, nil)
	var attributes map[string]tftypes.Value
	tf.must(v.As(&attributes), nil)
	said := map[string]string{}
	for name, a := range attributes {
		var text string
		tf.must(a.As(&text), nil)
		said[name] = text
	}
	return said
}

// create plans and applies a resource as Terraform does, and returns its state and identity.
func (tf *terraform) create(resource string, config fields) (*tfprotov6.DynamicValue, *tfprotov6.ResourceIdentityData) {
	tf.t.Helper()
	of := tf.resources[resource]
	planned, err := tf.server.PlanResourceChange(tf.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: resource, Config: tf.encode(of, config), ProposedNewState: tf.encode(of, config),
		PriorState: tf.encode(of, nil),
	})
	tf.must(err, planned.Diagnostics)
	applied, err := tf.server.ApplyResourceChange(tf.t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName:        resource,
		Config:          tf.encode(of, config),
		PlannedState:    planned.PlannedState,
		PriorState:      tf.encode(of, nil),
		PlannedPrivate:  planned.PlannedPrivate,
		PlannedIdentity: planned.PlannedIdentity,
	})
	tf.must(err, applied.Diagnostics)
	ctx := context.WithoutCancel(tf.t.Context())
	tf.t.Cleanup(func() {
		gone, err := tf.server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
			TypeName:        resource,
			Config:          tf.encode(of, nil),
			PlannedState:    tf.encode(of, nil),
			PriorState:      applied.NewState,
			PlannedPrivate:  applied.Private,
			PlannedIdentity: applied.NewIdentity,
		})
		tf.must(err, gone.Diagnostics)
	})
	return applied.NewState, applied.NewIdentity
}

// refresh reads a resource, with an identity or without.
func (tf *terraform) refresh(
	resource string, state *tfprotov6.DynamicValue, identity *tfprotov6.ResourceIdentityData, private []byte,
) (map[string]string, *tfprotov6.ReadResourceResponse) {
	tf.t.Helper()
	read, err := tf.server.ReadResource(tf.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: resource, CurrentState: state, CurrentIdentity: identity, Private: private,
	})
	tf.must(err, read.Diagnostics)
	return tf.says(resource, read.NewIdentity), read
}

// adopt imports by an identity or by an id; it returns the identity as it is after the first
// refresh, or the refusal.
func (tf *terraform) adopt(resource, id string, identity fields) (map[string]string, error) {
	tf.t.Helper()
	req := &tfprotov6.ImportResourceStateRequest{TypeName: resource, ID: id}
	if identity != nil {
		req.Identity = &tfprotov6.ResourceIdentityData{IdentityData: tf.encode(tf.identities[resource], identity)}
	}
	imported, err := tf.server.ImportResourceState(tf.t.Context(), req)
	if err := errors.Join(err, refusal(imported.Diagnostics)); err != nil {
		return nil, err
	}
	one := imported.ImportedResources[0]
	said, _ := tf.refresh(resource, one.State, one.Identity, one.Private)
	return said, nil
}

func TestAccResourcesAreKnownByIdentity(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("ident")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	tf := talk(t, pool)
	const template, version, instance = "novacron_template", "novacron_template_version", "novacron_instance"

	templateState, templateIdentity := tf.create(template, fields{"name": name})
	source, _ := tf.resources[version].AttributeTypes["source"].(tftypes.Object)
	versionState, versionIdentity := tf.create(version, fields{
		"template_id": "default/" + name, "version": "1.0.0",
		"source": value(source, fields{"path": tfacc.EmptyImage(t, "16M")}),
	})
	instanceState, instanceIdentity := tf.create(instance, fields{
		"name": name, "template_id": "default/" + name, "power_state": "stopped",
	})
	uuid := tf.says(instance, instanceIdentity)["id"]
	if domain := strings.TrimSpace(host.Virsh(t, "domuuid", name)); domain != uuid {
		t.Errorf("the instance is identified by %q, its domain has the UUID %s", uuid, domain)
	}

	for _, c := range []struct {
		resource string
		state    *tfprotov6.DynamicValue
		identity *tfprotov6.ResourceIdentityData
		want     map[string]string
		ids      []string // that say the same
		given    []fields
		refused  map[string]string // ids, and what is said of them
		wrong    map[string]fields // what is said of identities
	}{
		{template, templateState, templateIdentity, map[string]string{"tenant": "default", "name": name},
			[]string{name, "default/" + name},
			[]fields{{"name": name}, {"name": name, "tenant": "default"}},
			map[string]string{"": "write it as tenant/name",
				"a/b/c": `"a/b/c" is not a template id: write it as tenant/name, for example ` +
					`default/ubuntu, or as name`,
				"other/" + name: "has no template \"other/" + name},
			map[string]fields{
				`has no template "other/` + name: {"name": name, "tenant": "other"},
				`"No name" is not a template id`: {"name": "No name"},
			}},
		{version, versionState, versionIdentity, map[string]string{
			"tenant": "default", "template": name, "version": "1.0.0",
		},
			[]string{name + "@1.0.0", "default/" + name + "@1.0.0"},
			[]fields{
				{"template": name, "version": "1.0.0"},
				{"template": name, "version": "1.0.0", "tenant": "default"},
			},
			map[string]string{name: "write it as tenant/name@1.1.0, for example default/ubuntu@1.0.0, or as name@1.1.0",
				name + "@1.0":   "is not a version id",
				name + "@1.0.1": "has no version \"default/" + name + "@1.0.1"},
			map[string]fields{`has no version "default/` + name + `@2.0.0`: {"template": name, "version": "2.0.0"}}},
		{instance, instanceState, instanceIdentity, map[string]string{"id": uuid},
			[]string{name, "default/" + name, uuid}, []fields{{"id": uuid}},
			map[string]string{name + "-not": `use its UUID, "tenant/name", or its name`},
			map[string]fields{
				`"` + name + `" is not a UUID`:            {"id": name},
				"has no instance with the UUID 00000000-": {"id": strings.Repeat("0", 8) + uuid[8:]},
			}},
	} {
		expect := func(what string, got map[string]string) {
			t.Helper()
			if !maps.Equal(got, c.want) {
				t.Errorf("%s: %s is identified by %q, want %q", c.resource, what, got, c.want)
			}
		}
		expect("what was made", tf.says(c.resource, c.identity))
		same, _ := tf.refresh(c.resource, c.state, c.identity, nil)
		expect("what was read", same)
		old, read := tf.refresh(c.resource, c.state, nil, nil)
		expect("a state of before", old)

		// A plan of nothing keeps it.
		planned, err := tf.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName:         c.resource,
			Config:           read.NewState,
			PriorState:       read.NewState,
			ProposedNewState: read.NewState,
			PriorIdentity:    read.NewIdentity,
		})
		tf.must(err, planned.Diagnostics)
		expect("a plan", tf.says(c.resource, planned.PlannedIdentity))

		for _, id := range c.ids {
			got, err := tf.adopt(c.resource, id, nil)
			tf.must(err, nil)
			expect("an import by "+id, got)
		}
		for _, given := range c.given {
			got, err := tf.adopt(c.resource, "", given)
			tf.must(err, nil)
			expect("an import by identity", got)
		}
		for id, says := range c.refused {
			if _, err := tf.adopt(c.resource, id, nil); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("importing %s by %q: %v, want an error that says %s", c.resource, id, err, says)
			}
		}
		for says, given := range c.wrong {
			if _, err := tf.adopt(c.resource, "", given); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("importing %s by the identity %v: %v, want an error that says %s",
					c.resource, given, err, says)
			}
		}
	}
}

// What is gone from the host is gone, also where its state is of before identities.
func TestAccWhatIsGoneNeedsNoIdentity(t *testing.T) {
	host, name := acctest.RequireHost(t), tfacc.Name("identgone")
	pool, _ := host.Pool(t, name)
	t.Parallel()
	tf := talk(t, pool)
	for resource, id := range map[string]string{
		"novacron_template": "default/" + name, "novacron_template_version": "default/" + name + "@1.0.0",
		"novacron_instance": "5b7f3a52-6f5d-4c0e-9a3b-0c1d2e3f4a5b",
	} {
		_, read := tf.refresh(resource, tf.encode(tf.resources[resource], fields{"id": id}), nil, nil)
		if v, err := read.NewState.Unmarshal(tf.resources[resource]); err != nil || !v.IsNull() {
			t.Errorf("%s: the state is %s (%v)", resource, v, err)
		}
	}
}
