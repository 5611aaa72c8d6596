package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Reading all schemas runs the framework's checks of them, and finds a schema that cannot be made
// at all.
func TestSchemasAreSound(t *testing.T) {
	resp, err := providerserver.NewProtocol6(New("test")())().GetProviderSchema(t.Context(),
		&tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range resp.Diagnostics {
		t.Errorf("%s: %s: %s", d.Attribute, d.Summary, d.Detail)
	}
	for _, name := range []string{
		"novacron_template", "novacron_template_version", "novacron_instance", "novacron_resource_pool",
		"novacron_host",
	} {
		if resp.ResourceSchemas[name] == nil {
			t.Errorf("there is no resource %s", name)
		}
	}
	for _, name := range []string{
		"novacron_template", "novacron_templates", "novacron_template_version", "novacron_template_versions",
		"novacron_host", "novacron_resource_pool",
	} {
		if resp.DataSourceSchemas[name] == nil {
			t.Errorf("there is no data source %s", name)
		}
	}
	// The registry shows what schemas say, and nothing where they say nothing.
	documented(t, "provider", resp.Provider.Block)
	for name, s := range resp.ResourceSchemas {
		documented(t, name, s.Block)
	}
	for name, s := range resp.DataSourceSchemas {
		documented(t, "data."+name, s.Block)
	}
}

func documented(t *testing.T, where string, block *tfprotov6.SchemaBlock) {
	t.Helper()
	if block.Description == "" {
		t.Errorf("%s has no description", where)
	}
	attributesDocumented(t, where, block.Attributes)
}

func attributesDocumented(t *testing.T, where string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, a := range attributes {
		if a.Description == "" {
			t.Errorf("%s.%s has no description", where, a.Name)
		}
		if a.NestedType != nil {
			attributesDocumented(t, where+"."+a.Name, a.NestedType.Attributes)
		}
	}
}
