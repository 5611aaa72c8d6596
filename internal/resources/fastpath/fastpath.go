// Package fastpath answers Terraform's requests about resources that need no change, without the
// framework. The framework decodes, transforms and encodes every value of a state about ten times
// for one plan. If the plan has nothing to do, that is most of what it costs. The fast path returns
// the bytes as they came. It passes anything that is not clearly unchanged on to the framework.
//
// An answer of the fast path means the same as the framework's answer to the same request.
// Acceptance tests compare the two (see Compare), and an environment variable of the provider turns
// the fast path off (see Off).
package fastpath

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// Resource is a resource that this package may answer for. If its plan has the state and the
// configuration that were applied last, there is nothing to do and nothing to report.
type Resource interface {
	resource.Resource
	// Current reports whether Read would leave the state and the private state as they are, and
	// what Read would warn of. If in doubt, it reports false. It reads the host and the catalog
	// through Once.
	Current(ctx context.Context, state State, private Private) (current bool, warnings diag.Diagnostics)
	// NothingToPlan reports whether there is nothing to plan for a state that matches the configuration.
	NothingToPlan(state State) bool
	// Alone returns the attributes that are validated independently: their validation depends on no
	// other attribute, and no other validation depends on them. Each comes with a function that
	// reports whether the attribute is valid in a configuration. If in doubt, the function reports
	// false.
	Alone() map[string]func(ctx context.Context, config State) bool
}

// Protocol is the whole of Terraform's protocol: what every provider's server answers, and the
// optional interfaces of plugin-go. A server that embeds it passes on every request that it does
// not answer itself.
type Protocol interface {
	tfprotov6.ProviderServer
	tfprotov6.ActionServer
	tfprotov6.ListResourceServer
	tfprotov6.StateStoreServer
}

// Server is a provider's server that answers some requests itself.
type Server struct {
	Protocol
	off       bool
	compare   Comparison
	resources map[string]known
	valid     sync.Map // keys of configurations that the framework found valid; see known.common
}

// known is what the fast path knows of a resource type.
type known struct {
	version       int64
	attributes    map[string]bool     // names of all attributes and blocks
	identity      []string            // names of the attributes that form the identity; the state has them, too
	defaults      map[string]constant // by attribute, for attributes with a default
	current       func(ctx context.Context, state State, private Private) (bool, diag.Diagnostics)
	nothingToPlan func(state State) bool
	alone         map[string]func(ctx context.Context, config State) bool
}

// Option configures a Server.
type Option func(*Server)

// Off makes the framework answer every request.
func Off() Option { return func(s *Server) { s.off = true } }

// Wrap puts a Server before the framework's. resources creates resources by type name. Wrap calls
// it again for each read, so that it can return configured ones. Wrap returns an error if a schema
// has something that this package does not understand, or if the framework's server lacks a part of
// the protocol.
func Wrap(framework tfprotov6.ProviderServer, resources map[string]func() Resource, options ...Option) (
	*Server, error,
) {
	protocol, ok := framework.(Protocol)
	if !ok {
		return nil, fmt.Errorf("%T does not answer all of the protocol", framework)
	}
	s := &Server{Protocol: protocol, resources: map[string]known{}}
	for _, option := range options {
		option(s)
	}
	for name, newResource := range resources {
		k, err := know(newResource)
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		s.resources[name] = k
	}
	return s, nil
}

func know(newResource func() Resource) (known, error) {
	unconfigured := newResource()
	var resp resource.SchemaResponse
	unconfigured.Schema(context.Background(), resource.SchemaRequest{}, &resp)
	defaults, err := defaultsOf(resp.Schema)
	if err != nil {
		return known{}, err
	}
	identity, err := identityOf(unconfigured, resp.Schema)
	if err != nil {
		return known{}, err
	}
	return known{
		version:    resp.Schema.Version,
		attributes: namesOf(resp.Schema),
		identity:   identity,
		defaults:   defaults,
		current: func(ctx context.Context, state State, private Private) (bool, diag.Diagnostics) {
			return newResource().Current(ctx, state, private)
		},
		nothingToPlan: func(state State) bool { return newResource().NothingToPlan(state) },
		alone:         unconfigured.Alone(),
	}, nil
}

func namesOf(s schema.Schema) map[string]bool {
	names := make(map[string]bool, len(s.Attributes)+len(s.Blocks))
	for name := range s.Attributes {
		names[name] = true
	}
	for name := range s.Blocks {
		names[name] = true
	}
	return names
}

// known returns what is known of a resource type. ok is false if the framework has to answer.
func (s *Server) known(resourceType string) (k known, ok bool) {
	k, ok = s.resources[resourceType]
	return k, ok && !s.off
}
