package provider

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/resources/instance"
	"github.com/novacron/terraform-provider-novacron/internal/resources/noop"
)

// NewServer makes servers of the provider of that version: the framework's, but for instances that need nothing, of
// which there are many.
//
// end is for the end of a process that Terraform has taken leave of, and has therefore heard all that it said: it notes that
// on the host, and closes all connections. What a process made that was killed before is taken over by the next apply.
func NewServer(version string) (server func() tfprotov6.ProviderServer, end func(context.Context) error, err error) {
	if _, _, err := newServer(version); err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var made []*Provider
	server = func() tfprotov6.ProviderServer {
		server, p, _ := newServer(version) // what it could fail by does not change
		mu.Lock()
		defer mu.Unlock()
		made = append(made, p)
		return server
	}
	end = func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		var errs []error
		for _, p := range made {
			errs = append(errs, p.end(ctx))
		}
		return errors.Join(errs...)
	}
	return server, end, nil
}

func newServer(version string) (tfprotov6.ProviderServer, *Provider, error) {
	p := &Provider{version: version}
	server, err := noop.Wrap(providerserver.NewProtocol6(p)(), map[string]func() noop.Resource{
		"novacron_instance": func() noop.Resource { return instance.Configured(p.client.Load()) },
	})
	if err != nil {
		return nil, nil, err
	}
	return newStandInServer(server), p, nil
}
