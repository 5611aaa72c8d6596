// Package hostid recognizes a host, and the library's pool on it, as the one where an object was
// last seen.
package hostid

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

// ID is the data by which a host is recognized. No single part is enough. Boards share UUIDs, and
// if a board has none, libvirt makes one up at each start. Many machines are called localhost. A
// pool that is deleted and created again gets another UUID, and machines that are copies of one
// image may have that image's pools. So two of the parts decide.
type ID struct {
	UUID string `json:"uuid"`           // the host's, as libvirt reports it
	Name string `json:"name"`           // the host's own name
	Pool string `json:"pool,omitempty"` // the UUID of the library's pool; "" for none
}

// ErrPerhapsMoved says that a host may be a different one from the host that was noted, or the same
// one after a change.
var ErrPerhapsMoved = errors.New("perhaps another host")

// MovedError says that the provider's host, or the library's pool on it, is not the one where an
// object was last seen.
type MovedError struct {
	From, To ID
	URI      string // of To
	Perhaps  bool   // it may be the same host after a change: errors.Is(err, ErrPerhapsMoved)
	// FromPool and ToPool are the names of two pools of one host; "" if the hosts differ.
	FromPool, ToPool string
}

// Error implements error.
func (e *MovedError) Error() string {
	if e.FromPool != "" {
		return fmt.Sprintf("it was last seen in the storage pool %q, and the provider's pool is %q",
			e.FromPool, e.ToPool)
	}
	return fmt.Sprintf("it was last seen on host %q (UUID %s), and %s is host %q (UUID %s)", e.From.Name, e.From.UUID,
		e.URI, e.To.Name, e.To.UUID)
}

// Is implements the interface that errors.Is looks for.
func (e *MovedError) Is(target error) bool { return e.Perhaps && target == ErrPerhapsMoved }

// Here is the host that the provider works with, and the library's pool on it.
type Here struct {
	inventory *inventory.Inventory
	pool      string
}

// New returns the Here of a host and the name of a library's pool.
func New(i *inventory.Inventory, pool string) *Here { return &Here{i, pool} }

// ID returns the ID by which the host can be recognized later. It asks the host once.
func (h *Here) ID(ctx context.Context) (ID, error) {
	own, err := h.inventory.Self(ctx)
	if err != nil {
		return ID{}, err
	}
	pools, err := h.inventory.PoolUUIDs(ctx)
	if err != nil {
		return ID{}, err
	}
	id := ID{UUID: own.UUID, Name: own.Hostname, Pool: pools[h.pool]}
	if id.Pool == "" { // it is created at the first registration
		h.inventory.ForgetPoolUUIDs()
	}
	return id, nil
}

// Moved checks whether the host is a different one from the host that was noted. If so, it returns
// a *MovedError, which is ErrPerhapsMoved if that is not certain. It returns nil if the host is the
// same or none was noted. It is for an instance that the host does not have. Further calls make no
// more requests.
func (h *Here) Moved(ctx context.Context, noted ID) error {
	if noted == (ID{}) {
		return nil
	}
	now, err := h.ID(ctx)
	if err != nil {
		return err
	}
	pools, err := h.inventory.PoolUUIDs(ctx)
	if err != nil {
		return err
	}
	hasPool := noted.Pool != "" && slices.Contains(slices.Collect(maps.Values(pools)), noted.Pool)
	switch noted.compare(now, hasPool) {
	case sameHost:
		return nil
	case anotherHost:
		return &MovedError{From: noted, To: now, URI: h.inventory.URI()}
	}
	return &MovedError{From: noted, To: now, URI: h.inventory.URI(), Perhaps: true}
}

// MovedLibrary is Moved for objects in the catalog of a pool: it also returns a *MovedError for
// another pool of the same host.
func (h *Here) MovedLibrary(ctx context.Context, noted ID) error {
	if err := h.Moved(ctx, noted); err != nil || noted.Pool == "" {
		return err
	}
	now, err := h.ID(ctx)
	if err != nil || now.Pool == noted.Pool {
		return err
	}
	pools, err := h.inventory.PoolUUIDs(ctx)
	if err != nil {
		return err
	}
	for name, uuid := range pools {
		if uuid == noted.Pool {
			return &MovedError{From: noted, To: now, URI: h.inventory.URI(), FromPool: name, ToPool: h.pool}
		}
	}
	return nil
}

// sameness is the result of a comparison of hosts.
type sameness int

const (
	sameHost sameness = iota
	perhapsSameHost
	anotherHost
)

// compare compares a host that was noted with another one. hasPool says that the other host has the
// noted pool, under any name: the provider may be configured with another pool of the same host.
//
// If two of UUID, name and pool differ, it is another host. If one differs, a known pool or an
// unchanged UUID shows that it is the same host; but a missing or unknown pool leaves a doubt.
func (noted ID) compare(now ID, hasPool bool) sameness {
	otherUUID, otherName := noted.UUID != now.UUID, !sameName(noted.Name, now.Name)
	lostPool := noted.Pool != "" && !hasPool
	switch {
	case otherUUID && otherName, lostPool && (otherUUID || otherName):
		return anotherHost
	case lostPool, otherUUID && !hasPool:
		return perhapsSameHost
	}
	return sameHost
}

// sameName compares the names of hosts. libvirt reports the short name or the full one, depending
// on the DNS.
func sameName(a, b string) bool {
	a, aDomain, aFull := strings.Cut(strings.ToLower(a), ".")
	b, bDomain, bFull := strings.Cut(strings.ToLower(b), ".")
	return a == b && (!aFull || !bFull || aDomain == bDomain)
}
