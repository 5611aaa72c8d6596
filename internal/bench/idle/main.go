// Command terraform-provider-novacron, in this directory, has novacron's schemas, and answers every
// request without finding anything to do. It measures what Terraform itself costs with a state that
// has as many values as novacron's.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/novacron/terraform-provider-novacron/internal/provider"
)

func main() {
	provider.BeFrugal()
	novacron, _, err := provider.NewServer("bench")
	if err != nil {
		log.Fatal(err)
	}
	server := func() tfprotov6.ProviderServer { return idle{novacron()} }
	if err := tf6server.Serve("registry.terraform.io/novacron/novacron", server); err != nil {
		log.Fatal(err)
	}
}

// idle answers a plan's requests about resources at once.
type idle struct{ tfprotov6.ProviderServer }

func (idle) UpgradeResourceState(
	_ context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}, nil
}

func (idle) ReadResource(
	_ context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: req.CurrentState, Private: req.Private}, nil
}

func (idle) ValidateResourceConfig(
	context.Context, *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (idle) PlanResourceChange(
	_ context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: req.PriorState, PlannedPrivate: req.PriorPrivate}, nil
}
