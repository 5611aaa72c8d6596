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

// Option changes how a server is created.
type Option func(*options)

type options struct {
	fastPath []fastpath.Option
	env      environment
}

// FastPath has the fast path work in other ways.
func FastPath(o ...fastpath.Option) Option {
	return func(all *options) { all.fastPath = append(all.fastPath, o...) }
}

// Environment has the provider look up there, and not in the environment of its process, what the
// configuration leaves out. "" is for a variable that is not set.
func Environment(lookup func(name string) string) Option {
	return func(all *options) { all.env = lookup }
}

// NewServer creates servers of the provider of that version: the framework's, and in front of it
// the fast path, which answers for the many instances that need nothing.
//
// end is for the end of a process that Terraform has shut down, because by then Terraform has
// received every response: it records that on the host, and closes all connections. If a process
// was killed before, the next apply takes over what it created.
func NewServer(version string, set ...Option) (
	server func() tfprotov6.ProviderServer, end func(context.Context) error, err error,
) {
	how := options{env: os.Getenv}
	for _, option := range set {
		option(&how)
	}
	if noFastPath() {
		how.fastPath = append(how.fastPath, fastpath.Off())
	}
	if _, _, err := newServer(version, how); err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	var made []*Provider
	server = func() tfprotov6.ProviderServer {
		server, p, _ := newServer(version, how) // what it could fail by does not change
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

func newServer(version string, how options) (tfprotov6.ProviderServer, *Provider, error) {
	p := &Provider{version: version, env: how.env}
	server, err := fastpath.Wrap(providerserver.NewProtocol6(p)(), map[string]func() fastpath.Resource{
		"novacron_instance": func() fastpath.Resource { return instance.With(p.session.Load()) },
	}, how.fastPath...)
	if err != nil {
		return nil, nil, err
	}
	return newStandInServer(server), p, nil
}
