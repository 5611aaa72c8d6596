package catalog

import (
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// Earlier and later releases, and the policies in PostgreSQL, read these names.
func TestWhoWorksOnARequestIsStoredUnderTheSameNames(t *testing.T) {
	wantStored(t, RegistrationRecord{StartedAt: noon, CompletedAt: one, Steps: []RequestStep{{"open", 1}}},
		`{"started_at":"2026-03-01T12:00:00Z","completed_at":"2026-03-01T13:00:00Z",`+
			`"steps":[{"name":"open","duration_ms":1}]}`)
	wantStored(t, member(t, ProvisioningRequest{Runner: "h/1"}, "runner"), `"h/1"`)
	wantStored(t, member(t, ProvisioningRequest{Deadline: noon}, "deadline"), `"2026-03-01T12:00:00Z"`)
}

func TestARequestHasALease(t *testing.T) {
	want := lease.Lease{Holder: "h/1", Since: noon, Deadline: one}
	if got := (ProvisioningRequest{Runner: "h/1", CreatedAt: noon, Deadline: one}).Lease(); got != want {
		t.Errorf("a request's lease is %+v, want %+v", got, want)
	}
}
