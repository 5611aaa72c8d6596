package face_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/novacron/terraform-provider-novacron/internal/resources/face"
)

func TestWhatIsEmbeddedHasANameAndASession(t *testing.T) {
	r, d := face.NewResource("template"), face.NewDataSource("templates")
	var named resource.MetadataResponse
	var listed datasource.MetadataResponse
	r.Metadata(t.Context(), resource.MetadataRequest{ProviderTypeName: "novacron"}, &named)
	d.Metadata(t.Context(), datasource.MetadataRequest{ProviderTypeName: "novacron"}, &listed)
	if named.TypeName != "novacron_template" || listed.TypeName != "novacron_templates" {
		t.Errorf("the names are %q and %q", named.TypeName, listed.TypeName)
	}
	for name, c := range map[string]struct {
		data               any
		configured, failed bool
	}{
		"not configured yet": {nil, false, false},
		"configured":         {&face.Session{}, true, false},
		"not known yet":      {&face.Session{Deferred: true}, false, false},
		"something else":     {"a text", false, true},
	} {
		var toResource resource.ConfigureResponse
		var toDataSource datasource.ConfigureResponse
		r.Configure(t.Context(), resource.ConfigureRequest{ProviderData: c.data}, &toResource)
		d.Configure(t.Context(), datasource.ConfigureRequest{ProviderData: c.data}, &toDataSource)
		if r.Configured() != c.configured || d.Configured() != c.configured {
			t.Errorf("%s: configured are %t and %t", name, r.Configured(), d.Configured())
		}
		if toResource.Diagnostics.HasError() != c.failed || toDataSource.Diagnostics.HasError() != c.failed {
			t.Errorf("%s: %v, %v", name, toResource.Diagnostics, toDataSource.Diagnostics)
		}
		if r.Require("reading a template").HasError() == c.configured {
			t.Errorf("%s: what needs a session is refused: %t", name, c.configured)
		}
	}
}
