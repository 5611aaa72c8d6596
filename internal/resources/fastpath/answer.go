package fastpath

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// UpgradeResourceState returns a state of the current schema version unchanged.
func (s *Server) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (
	*tfprotov6.UpgradeResourceStateResponse, error,
) {
	k, ok := s.known(req.TypeName)
	if !ok || req.Version != k.version || req.RawState == nil || !k.describes(req.RawState.JSON) {
		return s.Protocol.UpgradeResourceState(ctx, req)
	}
	resp := &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}
	return answer(ctx, s, req.TypeName, req, resp, s.Protocol.UpgradeResourceState), nil
}

// describes reports whether the schema has all attributes of a state. Terraform removes attributes
// that the schema lacks, at every level, before it sends a state. Other callers may not, and the
// framework ignores such attributes.
func (k known) describes(state []byte) bool {
	var attributes map[string]json.RawMessage
	if json.Unmarshal(state, &attributes) != nil || attributes == nil {
		return false
	}
	for name := range attributes {
		if !k.attributes[name] {
			return false
		}
	}
	return true
}

// ReadResource returns the state unchanged if the resource reports that it is current. A state
// without an identity, as written before identities existed, gets one.
func (s *Server) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (
	*tfprotov6.ReadResourceResponse, error,
) {
	shared := s.sharing(ctx)
	if resp, ok := s.read(shared, req); ok {
		return answer(shared, s, req.TypeName, req, resp, s.Protocol.ReadResource), nil
	}
	return s.Protocol.ReadResource(ctx, req)
}

func (s *Server) read(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, bool) {
	k, ok := s.known(req.TypeName)
	if !ok {
		return nil, false
	}
	state, err := Decode(req.CurrentState)
	if err != nil {
		return nil, false
	}
	private, ok := decodePrivate(req.Private)
	if !ok {
		return nil, false
	}
	identity, ok := k.identify(req.CurrentIdentity, state)
	if !ok {
		return nil, false
	}
	current, warnings := k.current(ctx, state, private)
	if !current {
		return nil, false
	}
	diagnostics, ok := encodeWarnings(ctx, warnings)
	return &tfprotov6.ReadResourceResponse{
		NewState:    req.CurrentState,
		Private:     req.Private,
		NewIdentity: identity,
		Diagnostics: diagnostics,
	}, ok
}

// PlanResourceChange answers that nothing changes if Terraform proposes the prior state. Terraform
// also proposes the prior state if an attribute with a default was removed from the configuration.
// In that case the default decides.
func (s *Server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (
	*tfprotov6.PlanResourceChangeResponse, error,
) {
	k, ok := s.known(req.TypeName)
	if !ok || !same(req.PriorState, req.ProposedNewState) || !k.keepsDefaults(req) {
		return s.Protocol.PlanResourceChange(ctx, req)
	}
	identity, named := k.plannedIdentity(req.PriorIdentity)
	if _, ok := decodePrivate(req.PriorPrivate); !ok || !named {
		return s.Protocol.PlanResourceChange(ctx, req)
	}
	resp := &tfprotov6.PlanResourceChangeResponse{
		PlannedState:    req.PriorState,
		PlannedPrivate:  req.PriorPrivate,
		PlannedIdentity: identity,
	}
	return answer(ctx, s, req.TypeName, req, resp, s.Protocol.PlanResourceChange), nil
}

func same(a, b *tfprotov6.DynamicValue) bool {
	return a != nil && b != nil && len(a.MsgPack) > 0 && bytes.Equal(a.MsgPack, b.MsgPack)
}

// keepsDefaults reports whether each attribute that the configuration leaves out already has its
// default, and whether the resource has nothing to plan for the state by itself.
func (k known) keepsDefaults(req *tfprotov6.PlanResourceChangeRequest) bool {
	config, err := Decode(req.Config)
	if err != nil {
		return false
	}
	prior, err := Decode(req.PriorState)
	if err != nil || !k.nothingToPlan(prior) {
		return false
	}
	for name, value := range k.defaults {
		if config.Null(name) && !prior.equals(name, value) {
			return false
		}
	}
	return true
}
