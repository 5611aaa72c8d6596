package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/resources/instance"
	"github.com/novacron/terraform-provider-novacron/internal/resources/noop"
)

// NewServer makes servers of the provider of that version: the framework's, but for instances that need nothing, of
// which there are many.
func NewServer(version string) (func() tfprotov6.ProviderServer, error) {
	if _, err := newServer(version); err != nil {
		return nil, err
	}
	return func() tfprotov6.ProviderServer {
		server, _ := newServer(version) // what it could fail by does not change
		return server
	}, nil
}

func newServer(version string) (tfprotov6.ProviderServer, error) {
	p := &Provider{version: version}
	return noop.Wrap(providerserver.NewProtocol6(p)(), map[string]func() noop.Resource{
		"novacron_instance": func() noop.Resource { return instance.Configured(p.client.Load()) },
	})
}
