package poolstore

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// use says which pool this is, and by which of a configuration's hosts it is used. Hosts that share a pool
// find each other's names in it.
type use struct {
	ID    string   `json:"id"`
	Hosts []string `json:"hosts"` // by their names in configurations, in order
}

// uses has one record, of the key identityKey.
var uses = layout{kind: "pool", level: gzip.NoCompression}

func (s *Store) uses() collection[use] { return collection[use]{store: s, layout: uses} }

// UsedBy returns the id of the pool, and the names of the hosts that use it. Both are empty if no host has
// said yet that it does. It makes the host look at the pool again: another one may have said so a moment ago.
func (s *Store) UsedBy(ctx context.Context) (id string, hosts []string, err error) {
	s.reader.distrust()
	u, err := s.use(ctx)
	return u.ID, u.Hosts, err
}

func (s *Store) use(ctx context.Context) (use, error) {
	rec, err := s.uses().Get(ctx, identityKey)
	return rec.Value, catalog.IgnoreNotFound(err)
}

// Use records that a host uses the pool, and returns the names of all hosts that do. It has to come before the
// first write by which the other hosts that share the pool could be affected.
func (s *Store) Use(ctx context.Context, host string) (hosts []string, err error) {
	for {
		found, err := s.use(ctx)
		if err != nil || slices.Contains(found.Hosts, host) {
			return found.Hosts, err
		}
		rec, err := catalog.Change(ctx, s.uses(), identityKey, func(u *use) error {
			if !slices.Contains(u.Hosts, host) {
				u.Hosts = append(u.Hosts, host)
				slices.Sort(u.Hosts)
			}
			return nil
		})
		if !errors.Is(err, catalog.ErrNotFound) {
			return rec.Value.Hosts, err
		}
		first := use{ID: strings.ToLower(rand.Text()[:12]), Hosts: []string{host}}
		if _, err = s.uses().Create(ctx, identityKey, first); !errors.Is(err, catalog.ErrExists) {
			return first.Hosts, err
		}
	}
}
