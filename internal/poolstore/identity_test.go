package poolstore

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
)

func TestAllProcessesAgreeOnTheID(t *testing.T) {
	h := fakehost.New()
	for _, name := range []string{"one", "two"} {
		must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), name, "/"+name))
	}
	ids := make([]string, 8)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { ids[i] = must.Value(New(h, "one").ID(t.Context())) })
	}
	group.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] || strings.ContainsAny(id, ":/@") {
			t.Errorf("they have %q", ids)
		}
	}
	s, names := New(h, "one"), must.Value(h.VolumeNames(t.Context(), "one"))
	if len(names) != 1 || must.Value(s.ID(t.Context())) != ids[0] {
		t.Errorf("later it is %q; the pool has %q", must.Value(s.ID(t.Context())), names)
	}
	asked := h.Calls()
	if must.Value(s.ID(t.Context())); h.Calls() != asked {
		t.Error("a process asked twice")
	}
	if other := must.Value(New(h, "two").ID(t.Context())); other == ids[0] {
		t.Errorf("the catalog of another pool has the id %q, too", other)
	}
	damaged, documents, err := s.Examine(t.Context(), "")
	if err != nil || len(damaged) != 0 || documents != 1 {
		t.Errorf("examined %d documents, found %+v, %v", documents, damaged, err)
	}
	if _, documents, err := s.Examine(t.Context(), "id"); err != nil || documents != 0 {
		t.Errorf("a tenant has %d of them, %v", documents, err)
	}
}

func TestWithoutTheIDThereIsAnError(t *testing.T) {
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "one", "/one"))
	h.Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} }
	s := New(h, "one")
	if id, err := s.ID(t.Context()); id != "" || !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %q, %v", id, err)
	}
	h.Inject = nil
	if id, err := s.ID(t.Context()); id == "" || err != nil {
		t.Errorf("once the host answers: %q, %v", id, err)
	}
}
