// Package hostid recognizes a host, and the library's pool there, as the one that something was
// last seen on.
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

// ID is what a host is recognised by. None of its parts is enough. Boards share UUIDs, and libvirt
// makes one up at each start where a board has none. Many machines are called localhost. A pool
// that is created again has another UUID, and machines that are copies of one image may have the
// pools of that image. So two of the parts decide.
type ID struct {
	UUID string `json:"uuid"`           // the host's, as libvirt has it
	Name string `json:"name"`           // the host's own name
	Pool string `json:"pool,omitempty"` // the UUID of the library's pool; "" for none
}

// ErrPerhapsMoved says that a host may be another one than the host that was noted, or the same one
// after a change.
var ErrPerhapsMoved = errors.New("perhaps another host")

// MovedError says that the provider's host, or the library's pool there, is not the one that
// something was last seen on.
type MovedError struct {
	From, To ID
	URI      string // of To
	Perhaps  bool   // it may be the same host after a change: errors.Is(err, ErrPerhapsMoved)
	// FromPool and ToPool are the names of two pools of one host; "" where the hosts differ.
	FromPool, ToPool string
}

// Error implements error.
func (e *MovedError) Error() string {
	if e.FromPool != "" {
		return fmt.Sprintf("it was last seen in the storage pool %q, and the provider's pool is %q", e.FromPool, e.ToPool)
	}
	return fmt.Sprintf("it was last seen on host %q (UUID %s), and %s is host %q (UUID %s)", e.From.Name, e.From.UUID,
		e.URI, e.To.Name, e.To.UUID)
}

// Is implements the interface that errors.Is looks for.
func (e *MovedError) Is(target error) bool { return e.Perhaps && target == ErrPerhapsMoved }

// Here is the host, and the library's pool on it, that the provider works with.
type Here struct {
	inventory *inventory.Inventory
	pool      string
}

// New makes the Here of a host and the name of a library's pool.
func New(i *inventory.Inventory, pool string) *Here { return &Here{i, pool} }

// ID is what the host can be recognised by later. The host is asked once.
func (h *Here) ID(ctx context.Context) (ID, error) {
	info, err := h.inventory.Info(ctx)
	if err != nil {
		return ID{}, err
	}
	pools, err := h.inventory.PoolUUIDs(ctx)
	if err != nil {
		return ID{}, err
	}
	id := ID{UUID: info.UUID, Name: info.Hostname, Pool: pools[h.pool]}
	if id.Pool == "" { // it is created when something is registered
		h.inventory.ForgetPoolUUIDs()
	}
	return id, nil
}

// Moved finds out whether the host is another one than was noted: *MovedError, which is
// ErrPerhapsMoved where that is not certain. nil for the same host, and where nothing was noted. It
// is for an instance that the host does not have, and costs nothing more for the next one.
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

// MovedLibrary is Moved for what is in the catalog of a pool: also another pool of the same host is
// a *MovedError.
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

// What a comparison of hosts finds.
type sameness int

const (
	sameHost sameness = iota
	perhapsSameHost
	anotherHost
)

// compare compares a host that was noted with another. hasPool says that the other has the noted
// pool, under whatever name: the provider may be configured with another pool of the same host.
//
// Where two of UUID, name and pool differ, it is another host. Where one does, a known pool or a
// UUID that is still the same says that it is the same host; but a pool that is gone, or an unknown
// one, leaves a doubt.
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

// sameName compares the names of hosts, of which libvirt gives the short one or the full one, as
// the DNS answers it.
func sameName(a, b string) bool {
	a, aDomain, aFull := strings.Cut(strings.ToLower(a), ".")
	b, bDomain, bFull := strings.Cut(strings.ToLower(b), ".")
	return a == b && (!aFull || !bFull || aDomain == bDomain)
}
