package catalog

import (
	"encoding/json"
	"testing"
	"time"
)

// Work that the tests sign begins at noon and has its deadline at one.
var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	one  = noon.Add(time.Hour)
)

// wantStored checks the JSON of a document, or of a part of one.
func wantStored(t *testing.T, value any, want string) {
	t.Helper()
	if got, err := json.Marshal(value); err != nil || string(got) != want {
		t.Errorf("stored as %s, %v, want %s", got, err, want)
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
