package poolstore

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// identity distinguishes the catalog from others. It is a document, and not the UUID of the pool: a
// pool that is defined once more has another UUID, and the same catalog.
type identity struct {
	ID string `json:"id"`
}

// identities has one record, of the key identityKey.
var identities = layout{kind: "catalog", level: gzip.NoCompression}

const identityKey = "id"

func (s *Store) identities() collection[identity] {
	return collection[identity]{store: s, layout: identities}
}

// ID returns the id that distinguishes this catalog from others that have images in the same pools.
// The first process that needs it chooses it. It never changes.
func (s *Store) ID(ctx context.Context) (string, error) {
	s.identity.Lock()
	defer s.identity.Unlock()
	if s.id != "" {
		return s.id, nil
	}
	rec, err := s.identities().Get(ctx, identityKey)
	if errors.Is(err, catalog.ErrNotFound) {
		rec, err = s.identities().Create(ctx, identityKey, identity{ID: strings.ToLower(rand.Text()[:12])})
	}
	if errors.Is(err, catalog.ErrExists) { // another process was faster
		rec, err = s.identities().Get(ctx, identityKey)
	}
	if err == nil {
		s.id = rec.Value.ID
	}
	return s.id, err
}
