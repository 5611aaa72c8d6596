package provider

import (
	"bytes"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// NewServer makes what serves the provider of that version.
func NewServer(version string) func() tfprotov6.ProviderServer {
	serve := providerserver.NewProtocol6(New(version)())
	return func() tfprotov6.ProviderServer { return server{serve()} }
}

// server answers for itself what takes no thought, and leaves the rest to the framework.
type server struct{ tfprotov6.ProviderServer }

// PlanResourceChange answers at once where there is nothing to plan. Terraform proposes the configuration, completed by
// what the state has of it; where that is the state itself, the framework would decode both, walk all attributes several
// times and come to the same, which for a plan of many instances is half of the provider's work.
//
// The framework could come to something else for two reasons, which this provider's resources keep clear of: a ModifyPlan
// that has something to say although nothing changes, and a default that a release changes for an attribute that the
// user left out, which would have to come with an upgrade of the state.
func (s server) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	if prior, proposed := req.PriorState, req.ProposedNewState; !isNull(prior) && !isNull(proposed) && bytes.Equal(prior.MsgPack, proposed.MsgPack) {
		return &tfprotov6.PlanResourceChangeResponse{
			PlannedState: proposed, PlannedPrivate: req.PriorPrivate, PlannedIdentity: req.PriorIdentity,
		}, nil
	}
	return s.ProviderServer.PlanResourceChange(ctx, req)
}

// isNull tells whether there is no value, or the null that stands for no resource (MessagePack's nil, 0xc0).
func isNull(v *tfprotov6.DynamicValue) bool {
	return v == nil || len(v.MsgPack) == 0 || len(v.MsgPack) == 1 && v.MsgPack[0] == 0xc0
}
