package provider

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// planCounter counts the plans that reach the framework.
type planCounter struct {
	tfprotov6.ProviderServer
	plans int
}

func (c *planCounter) PlanResourceChange(context.Context, *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	c.plans++
	return &tfprotov6.PlanResourceChangeResponse{}, nil
}

func TestOnlyPlansWithSomethingToDoReachTheFramework(t *testing.T) {
	some, other, null := []byte{0x81, 0xa1, 'a', 0x01}, []byte{0x81, 0xa1, 'a', 0x02}, []byte{0xc0}
	for name, c := range map[string]struct {
		prior, proposed []byte
		planned         int
	}{
		"nothing to do": {some, some, 0},
		"a change":      {some, other, 1},
		"a create":      {null, some, 1},
		"a destroy":     {some, null, 1},
		"nothing sent":  {nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			framework := &planCounter{}
			private := []byte("private")
			resp, err := server{framework}.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
				PriorState: &tfprotov6.DynamicValue{MsgPack: c.prior}, ProposedNewState: &tfprotov6.DynamicValue{MsgPack: c.proposed},
				PriorPrivate: private,
			})
			if err != nil || framework.plans != c.planned {
				t.Fatalf("the framework planned %d times, want %d; error %v", framework.plans, c.planned, err)
			}
			if c.planned == 0 && (string(resp.PlannedState.MsgPack) != string(c.prior) || string(resp.PlannedPrivate) != "private") {
				t.Errorf("planned %x with private data %q, want the prior state and its private data", resp.PlannedState.MsgPack, resp.PlannedPrivate)
			}
		})
	}
}
