package domain

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// A definition of the maximum size can be read again, also from the host's own answer, which is
// longer. A longer definition is not sent.
func TestDefinitionsAreAsLongAsCanBeRead(t *testing.T) {
	h, pool, path := realPool(t)
	spec := realSpec(t, h, pool, path)
	fill := func(n int) string {
		return `<n:instance xmlns:n="urn:novacron:instance:1">` + strings.Repeat("x", n) + `</n:instance>`
	}
	spec.Metadata = ""
	text := must.Get[string](t)(renderDomain(spec))
	empty := must.Get[string](t)(WithPrefix(fill(0)))
	room := host.MaxDefinition - len(text) - len("<metadata></metadata>") - len(empty) - 16
	spec.Metadata = fill(room)
	defined := must.Get[host.Domain](t)(h.DefineDomain(t.Context(), spec))
	if len(defined.Metadata) < room {
		t.Errorf("the metadata have %d bytes, want %d", len(defined.Metadata), room)
	}
	if err := h.StartDomain(t.Context(), spec.UUID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Hardware(t.Context(), spec.UUID); err != nil {
		t.Errorf("what runs cannot be read: %v", err)
	}
	longer := fill(room + 1024)
	if err := h.RedefineDomain(
		t.Context(), spec.UUID, host.DomainChange{Metadata: &longer},
	); !errors.Is(err, host.ErrTooLarge) {
		t.Errorf("a definition that is too long gives %v", err)
	}
	if read := must.Get[host.Domain](t)(h.Domain(t.Context(), spec.UUID)); read.Metadata != defined.Metadata {
		t.Errorf("the metadata have %d bytes, and had %d", len(read.Metadata), len(defined.Metadata))
	}
}
