package catalog

import (
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// Earlier and later releases, and the policies in PostgreSQL, read these names.
func TestWhoWorksOnAVersionIsStoredUnderTheSameNames(t *testing.T) {
	wantStored(t, Claim{Runner: "h/1", By: "ann", Since: noon, Deadline: one, Volume: "nova.base.x"},
		`{"runner":"h/1","by":"ann","since":"2026-03-01T12:00:00Z","deadline":"2026-03-01T13:00:00Z",`+
			`"volume":"nova.base.x"}`)
	wantStored(t, member(t, Version{Claim: &Claim{}}, "coming") != nil, `true`)
	wantStored(t, member(t, Version{Registration: &RegistrationRecord{}}, "registered") != nil, `true`)
	wantStored(t, member(t, Version{Maker: "h/1"}, "maker"), `"h/1"`)
	wantStored(t, member(t, Template{Maker: "h/1"}, "maker"), `"h/1"`)
	for _, name := range []string{"coming", "maker", "registered"} {
		wantStored(t, member(t, Version{}, name), `null`)
	}
}

func TestAClaimHasALease(t *testing.T) {
	want := lease.Lease{Holder: "h/1", Since: noon, Deadline: one}
	if got := (Claim{Runner: "h/1", Since: noon, Deadline: one}).Lease(); got != want {
		t.Errorf("a claim's lease is %+v, want %+v", got, want)
	}
}

func TestADeleteThatDecidesTooLongCountsAsDead(t *testing.T) {
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

// The keys are those that earlier providers make, which knew only SHA-256.
func TestABasesKeySaysItsDigest(t *testing.T) {
	for digest, key := range map[string]string{"sha256:0a1b": "0a1b", "fsverity:0a1b": "fsverity:0a1b"} {
		if got := BaseKey(digest); got != key {
			t.Errorf("the key of %s is %s, want %s", digest, got, key)
		}
		if got := BaseDigest(key); got != digest {
			t.Errorf("%s is the key of %s, want %s", key, got, digest)
		}
	}
}
