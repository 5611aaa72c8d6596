package hostid

import (
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

// here is a host with the pools a and b; a is the library's.
func here(t *testing.T) (*Here, *fakehost.Host, ID) {
	t.Helper()
	h := fakehost.New()
	for _, pool := range []string{"a", "b"} {
		if _, err := h.CreateDirPool(t.Context(), pool, "/"+pool); err != nil {
			t.Fatal(err)
		}
	}
	here := New(inventory.New(h), "a")
	id, err := here.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return here, h, id
}

func TestAHostIsRecognizedByWhatItSays(t *testing.T) {
	h, fake, id := here(t)
	pool, err := fake.PoolUUID(t.Context(), "a")
	if err != nil || id != (ID{UUID: "00000000-0000-4000-8000-000000000001", Name: "fake", Pool: pool}) {
		t.Errorf("it is %+v, %v", id, err)
	}
	for noted, want := range map[ID]string{
		{}: "",
		id: "",
		{UUID: "u", Name: "elsewhere", Pool: "p"}:   "another",
		{UUID: id.UUID, Name: id.Name, Pool: "p"}:   "perhaps",
		{UUID: "u", Name: id.Name, Pool: id.Pool}:   "",
		{UUID: "u", Name: "renamed", Pool: id.Pool}: "another",
	} {
		err := h.Moved(t.Context(), noted)
		moved, ok := errors.AsType[*MovedError](err)
		got := ""
		switch {
		case ok && errors.Is(err, ErrPerhapsMoved):
			got = "perhaps"
		case ok:
			got = "another"
		}
		if got != want || ok && (moved.From != noted || moved.To != id || !strings.Contains(err.Error(), fake.URI())) {
			t.Errorf("noted %+v: %q (%v), want %q", noted, got, err, want)
		}
	}
}

// An object in the catalog of a pool has also moved if the provider uses another pool of the same
// host.
func TestALibraryIsInItsPool(t *testing.T) {
	h, fake, id := here(t)
	if err := h.MovedLibrary(t.Context(), id); err != nil {
		t.Errorf("the same pool: %v", err)
	}
	other, err := fake.PoolUUID(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	id.Pool = other
	err = h.MovedLibrary(t.Context(), id)
	if moved, ok := errors.AsType[*MovedError](err); !ok || moved.FromPool != "b" || moved.ToPool != "a" ||
		moved.Perhaps {
		t.Errorf("another pool: %v", err)
	}
	if err := h.Moved(t.Context(), id); err != nil {
		t.Errorf("an instance is on its host, whichever pool it is in: %v", err)
	}
}

// A library's pool is created at the first registration, and counts from then on.
func TestThePoolMayComeLater(t *testing.T) {
	h := fakehost.New()
	here := New(inventory.New(h), "a")
	if id, err := here.ID(t.Context()); err != nil || id.Pool != "" {
		t.Errorf("before: %+v, %v", id, err)
	}
	if _, err := h.CreateDirPool(t.Context(), "a", "/a"); err != nil {
		t.Fatal(err)
	}
	if id, err := here.ID(t.Context()); err != nil || id.Pool == "" {
		t.Errorf("after: %+v, %v", id, err)
	}
}

func TestASilentHostIsNoOther(t *testing.T) {
	h := fakehost.New()
	h.Inject = func(fakehost.Call) fakehost.Fault { return fakehost.Fault{Before: host.ErrUnreachable} }
	err := New(inventory.New(h), "a").Moved(t.Context(), ID{UUID: "u", Name: "n"})
	if _, moved := errors.AsType[*MovedError](err); moved || !errors.Is(err, host.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
