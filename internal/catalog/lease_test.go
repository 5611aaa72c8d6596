package catalog

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// Earlier and later releases, and the policies in PostgreSQL, read these names.
func TestWhoWorksOnAnObjectIsStoredUnderTheSameNames(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one := noon.Add(time.Hour)
	for _, c := range []struct {
		value any
		want  string
	}{
		{Claim{Runner: "h/1", By: "ann", Since: noon, Deadline: one, Volume: "nova.base.x"},
			`{"runner":"h/1","by":"ann","since":"2026-03-01T12:00:00Z","deadline":"2026-03-01T13:00:00Z",` +
				`"volume":"nova.base.x"}`},
		{RegistrationRecord{StartedAt: noon, CompletedAt: one, Steps: []RequestStep{{"open", 1}}},
			`{"started_at":"2026-03-01T12:00:00Z","completed_at":"2026-03-01T13:00:00Z",` +
				`"steps":[{"name":"open","duration_ms":1}]}`},
		{member(t, Version{Claim: &Claim{}}, "coming") != nil, `true`},
		{member(t, Version{Registration: &RegistrationRecord{}}, "registered") != nil, `true`},
		{member(t, Version{Maker: "h/1"}, "maker"), `"h/1"`},
		{member(t, Template{Maker: "h/1"}, "maker"), `"h/1"`},
		{member(t, ProvisioningRequest{Runner: "h/1"}, "runner"), `"h/1"`},
		{member(t, ProvisioningRequest{Deadline: noon}, "deadline"), `"2026-03-01T12:00:00Z"`},
		{[]any{member(t, Version{}, "coming"), member(t, Version{}, "maker"), member(t, Version{}, "registered")},
			`[null,null,null]`},
	} {
		if got, err := json.Marshal(c.value); err != nil || string(got) != c.want {
			t.Errorf("stored as %s, %v, want %s", got, err, c.want)
		}
	}
}

// member is a member of a document, nil if the document does not have it.
func member(t *testing.T, document any, name string) any {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members[name]
}

func TestWhoWorksOnAnObjectHasALease(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := lease.Lease{Holder: "h/1", Since: noon, Deadline: noon.Add(time.Hour)}
	if got := (Claim{Runner: "h/1", Since: noon, Deadline: want.Deadline}).Lease(); got != want {
		t.Errorf("a claim's lease is %+v, want %+v", got, want)
	}
	if got := (ProvisioningRequest{Runner: "h/1", CreatedAt: noon, Deadline: want.Deadline}).Lease(); got != want {
		t.Errorf("a request's lease is %+v, want %+v", got, want)
	}
}

func TestADeleteThatDecidesTooLongCountsAsDead(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if (Version{}).Deleting(noon) {
		t.Error("a version without a mark is being deleted")
	}
	for after, want := range map[time.Duration]bool{
		0: true, DeleteLease + lease.Slack: true, DeleteLease + lease.Slack + time.Second: false,
	} {
		if got := (Version{DeletingSince: &noon}).Deleting(noon.Add(after)); got != want {
			t.Errorf("%s after it was marked, a version is being deleted: %t, want %t", after, got, want)
		}
	}
}
