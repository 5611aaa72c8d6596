package library

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// The end of a request is recorded, though somebody has taken it for failed and removed it meanwhile.
func TestTheEndOfARequestOutlivesRetention(t *testing.T) {
	m, ctx := &memory{}, t.Context()
	ann := m.as(t, "shop", "ann")
	rec := must[catalog.Record[catalog.ProvisioningRequest]](t)(ann.BeginRequest(ctx, catalog.ProvisioningRequest{
		ID: catalog.RequestID{ID: "r1"}, Instance: "web", Status: catalog.RequestRunning, CreatedAt: now(), Deadline: now(),
	}))
	if err := m.requests.Delete(ctx, rec.Key, rec.Revision); err != nil {
		t.Fatal(err)
	}
	rec.Value.Status = catalog.RequestCompleted
	if err := ann.EndRequest(ctx, rec); err != nil {
		t.Error(err)
	}
	listed := must[[]catalog.ProvisioningRequest](t)(ann.Requests(ctx, catalog.RequestFilter{}))
	if len(listed) != 1 || listed[0].Status != catalog.RequestCompleted {
		t.Errorf("listed: %+v", listed)
	}
}
