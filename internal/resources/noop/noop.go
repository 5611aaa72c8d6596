// Package noop answers Terraform for resources that need nothing, without the framework: it decodes, transforms and
// encodes every value of a state some ten times a plan, which is most of what a plan with nothing to do costs. Here the
// bytes go back as they came. Whatever is not plainly unchanged goes to the framework.
package noop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
)

// Resource is a resource that this package may answer for. Planning it with the state and configuration that it was
// applied with finds nothing to do and nothing to say.
type Resource interface {
	resource.Resource
	// Current tells whether Read would leave the state and the private state as they are, and what Read would warn of. In
	// doubt it says no.
	Current(ctx context.Context, state State, private Private) (current bool, warnings diag.Diagnostics)
	// Settled tells whether there is nothing to plan for a state that the configuration agrees with.
	Settled(state State) bool
	// Alone are the attributes whose validation looks at nothing else, and nothing else looks at, with what tells whether
	// one is valid in a configuration. In doubt that says no.
	Alone() map[string]func(ctx context.Context, config State) bool
}

// Server is a provider's server that answers some questions by itself.
type Server struct {
	tfprotov6.ProviderServer
	resources map[string]known
	valid     sync.Map // of what configurations were found to be valid by: see known.common
}

// known is what is known of a type of resources.
type known struct {
	version  int64
	identity []string            // names of the attributes that are the resource's identity, in its state as well
	defaults map[string]constant // of the attributes that have one
	current  func(ctx context.Context, state State, private Private) (bool, diag.Diagnostics)
	settled  func(state State) bool
	alone    map[string]func(ctx context.Context, config State) bool
}

// Wrap puts itself before a server. resources makes the resources by their type names; it is asked again for each read,
// so that it can hand out configured ones. An error says that a schema has what this package does not understand.
func Wrap(server tfprotov6.ProviderServer, resources map[string]func() Resource) (*Server, error) {
	s := &Server{ProviderServer: server, resources: map[string]known{}}
	for name, newResource := range resources {
		unconfigured := newResource()
		var resp resource.SchemaResponse
		unconfigured.Schema(context.Background(), resource.SchemaRequest{}, &resp)
		defaults, err := defaultsOf(resp.Schema)
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		identity, err := identityOf(unconfigured, resp.Schema)
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		s.resources[name] = known{resp.Schema.Version, identity, defaults, func(ctx context.Context, state State, private Private) (bool, diag.Diagnostics) {
			return newResource().Current(ctx, state, private)
		}, func(state State) bool { return newResource().Settled(state) }, unconfigured.Alone()}
	}
	return s, nil
}

// UpgradeResourceState hands a state of today's schema back. Terraform itself has taken out what the schema lacks.
func (s *Server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	r, ok := s.resources[req.TypeName]
	if !ok || req.Version != r.version || req.RawState == nil || len(req.RawState.JSON) == 0 {
		return s.ProviderServer.UpgradeResourceState(ctx, req)
	}
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}, nil
}

// ReadResource hands the state back where the resource says that it is as it was. A state of a time before identities gets
// one, as it does from Terraforms that know of none and do not miss it.
func (s *Server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	if r, ok := s.resources[req.TypeName]; ok {
		if state, err := Decode(req.CurrentState); err == nil {
			if current, warnings := r.current(ctx, state, decodePrivate(req.Private)); current {
				return &tfprotov6.ReadResourceResponse{
					NewState: req.CurrentState, Private: req.Private, NewIdentity: r.identify(req.CurrentIdentity, state), Diagnostics: encodeWarnings(warnings),
				}, nil
			}
		}
	}
	return s.ProviderServer.ReadResource(ctx, req)
}

// PlanResourceChange plans nothing where Terraform proposes what there is. It proposes that also where an attribute with
// a default was taken out of the configuration; then the default decides.
func (s *Server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if r, ok := s.resources[req.TypeName]; ok && same(req.PriorState, req.ProposedNewState) && r.keepsDefaults(req) {
		return &tfprotov6.PlanResourceChangeResponse{
			PlannedState: req.PriorState, PlannedPrivate: req.PriorPrivate, PlannedIdentity: req.PriorIdentity,
		}, nil
	}
	return s.ProviderServer.PlanResourceChange(ctx, req)
}

func same(a, b *tfprotov6.DynamicValue) bool {
	return a != nil && b != nil && len(a.MsgPack) > 0 && bytes.Equal(a.MsgPack, b.MsgPack)
}

// keepsDefaults tells whether every attribute that the configuration leaves to its default has it already, and the state
// asks for nothing by itself.
func (k known) keepsDefaults(req *tfprotov6.PlanResourceChangeRequest) bool {
	config, err := Decode(req.Config)
	if err != nil {
		return false
	}
	prior, err := Decode(req.PriorState)
	if err != nil || !k.settled(prior) {
		return false
	}
	for name, value := range k.defaults {
		if config.Null(name) && !prior.equals(name, value) {
			return false
		}
	}
	return true
}

// State is a resource's state: its attributes, each as Terraform encodes it.
type State map[string]msgpack.RawMessage

// Private is a resource's private state: JSON by keys.
type Private map[string][]byte

// decodePrivate reads private state as the framework writes it (Data.Bytes in its internal/privatestate). Nothing is in what
// cannot be read.
func decodePrivate(data []byte) Private {
	var p Private
	if json.Unmarshal(data, &p) != nil {
		return nil
	}
	return p
}

var errNoObject = errors.New("not an object in MessagePack")

// Decode finds the attributes of a state. The resource that is not there (null) is an error.
func Decode(v *tfprotov6.DynamicValue) (State, error) {
	if v == nil || len(v.MsgPack) == 0 {
		return nil, errNoObject
	}
	var s State
	if err := msgpack.Unmarshal(v.MsgPack, &s); err != nil {
		return nil, err
	}
	if s == nil {
		return nil, errNoObject
	}
	return s, nil
}

// Dynamic is an attribute of whatever type, in Terraform's types, and whether it can be read.
func (s State) Dynamic(ctx context.Context, name string) (types.Dynamic, bool) {
	if s.Null(name) {
		return types.DynamicNull(), true
	}
	v, err := tfprotov6.DynamicValue{MsgPack: s[name]}.Unmarshal(tftypes.DynamicPseudoType)
	if err != nil {
		return types.DynamicNull(), false
	}
	value, err := types.DynamicType.ValueFromTerraform(ctx, v)
	if err != nil {
		return types.DynamicNull(), false
	}
	d, ok := value.(types.Dynamic)
	return d, ok
}

// Null tells whether an attribute is null. The decoder leaves nothing of nulls.
func (s State) Null(name string) bool { return len(s[name]) == 0 }

// Text is an attribute that is a string, and whether it is one.
func (s State) Text(name string) (string, bool) {
	var text string
	err := msgpack.Unmarshal(s[name], &text)
	return text, err == nil && !s.Null(name)
}

// Has tells whether an attribute has that value.
func (s State) Has(ctx context.Context, name string, value attr.Value) bool {
	v, err := value.ToTerraformValue(ctx)
	return err == nil && s.equals(name, constant{value.Type(ctx).TerraformType(ctx), v})
}

// constant is a value that attributes are compared with. Not as bytes: maps come in any order.
type constant struct {
	of    tftypes.Type // of the attribute, which may be dynamic
	value tftypes.Value
}

func (s State) equals(name string, c constant) bool {
	if s.Null(name) {
		return c.value.IsNull()
	}
	v, err := tfprotov6.DynamicValue{MsgPack: s[name]}.Unmarshal(c.of)
	return err == nil && v.Equal(c.value)
}

// defaultsOf are the defaults of a schema's attributes.
func defaultsOf(s schema.Schema) (map[string]constant, error) {
	ctx := context.Background()
	found := map[string]constant{}
	for name, attribute := range s.Attributes {
		value, err := defaultOf(ctx, attribute)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		if value == nil {
			continue
		}
		v, err := value.ToTerraformValue(ctx)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		found[name] = constant{value.Type(ctx).TerraformType(ctx), v}
	}
	return found, nil
}
