package provider

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/novacron/terraform-provider-novacron/internal/resources/fastpath"
	"github.com/novacron/terraform-provider-novacron/internal/resources/instance"
)

// envNoFastPath turns the fast path off, to find out whether it is to blame for what a user sees.
const envNoFastPath = "NOVACRON_NO_FAST_PATH"

// noFastPath reports whether the fast path is off in this process: the variable has any value but
// "" and false ones.
var noFastPath = sync.OnceValue(func() bool {
	value := os.Getenv(envNoFastPath)
	off, err := strconv.ParseBool(value)
	return off || err != nil && value != ""
})

// NewServer makes servers of the provider of that version: the framework's, and before it the fast
// path, which answers for instances that need nothing, of which there are many. The options are the
// fast path's.
//
// end is for the end of a process that Terraform has taken leave of, and has therefore heard all
// that it said: it notes that on the host, and closes all connections. What a process made that was
// killed before is taken over by the next apply.
func NewServer(version string, options ...fastpath.Option) (
	server func() tfprotov6.ProviderServer, end func(context.Context) error, err error,
) {
	if noFastPath() {
		options = append(options, fastpath.Off())
	}
	if _, _, err := newServer(version, options); err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var made []*Provider
	server = func() tfprotov6.ProviderServer {
		server, p, _ := newServer(version, options) // what it could fail by does not change
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

func newServer(version string, options []fastpath.Option) (tfprotov6.ProviderServer, *Provider, error) {
	p := &Provider{version: version}
	server, err := fastpath.Wrap(providerserver.NewProtocol6(p)(), map[string]func() fastpath.Resource{
		"novacron_instance": func() fastpath.Resource { return instance.With(p.session.Load()) },
	}, options...)
	if err != nil {
		return nil, nil, err
	}
	return newStandInServer(server), p, nil
}
