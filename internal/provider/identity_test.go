package provider_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

// server is the provider as Terraform talks to it. The Terraform that runs the other tests may be
// older than identities (1.12), which the protocol has all the same.
func server(t *testing.T) tfprotov6.ProviderServer {
	t.Helper()
	newServer, _, err := provider.NewServer("test")
	if err != nil {
		t.Fatal(err)
	}
	return newServer()
}

func TestIdentitiesAreToldAndDocumented(t *testing.T) {
	resp, err := server(t).GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatalf("%v %v", err, resp.Diagnostics)
	}
	for resource, want := range map[string]struct{ required, optional []string }{
		"novacron_template":         {[]string{"name"}, []string{"tenant"}},
		"novacron_template_version": {[]string{"template", "version"}, []string{"tenant"}},
		"novacron_instance":         {[]string{"id"}, nil},
		"novacron_resource_pool":    {[]string{"name"}, nil},
		"novacron_host":             {[]string{"name"}, nil},
	} {
		schema := resp.IdentitySchemas[resource]
		if schema == nil {
			t.Errorf("%s has no identity", resource)
			continue
		}
		var required, optional []string
		for _, a := range schema.IdentityAttributes {
			switch {
			case a.RequiredForImport:
				required = append(required, a.Name)
			case a.OptionalForImport:
				optional = append(optional, a.Name)
			}
			if a.Description == "" {
				t.Errorf("%s: the identity's %s has no description", resource, a.Name)
			}
		}
		slices.Sort(required)
		if schema.Version != 0 || !slices.Equal(required, want.required) || !slices.Equal(optional, want.optional) {
			t.Errorf("%s is identified by %q, and %q if need be, in version %d",
				resource, required, optional, schema.Version)
		}
	}
}

// There is one version of each identity, so a Terraform that asks for an upgrade has an identity of
// a later provider.
func TestIdentitiesOfLaterProvidersAreRefused(t *testing.T) {
	for _, resource := range []string{"novacron_template", "novacron_template_version", "novacron_instance"} {
		resp, err := server(t).UpgradeResourceIdentity(t.Context(), &tfprotov6.UpgradeResourceIdentityRequest{
			TypeName: resource, Version: 1, RawIdentity: &tfprotov6.RawState{JSON: []byte(`{"serial":"1"}`)},
		})
		if err != nil || len(resp.Diagnostics) != 1 || resp.UpgradedIdentity != nil {
			t.Errorf("%s: %v, %v", resource, err, resp)
		}
	}
}
