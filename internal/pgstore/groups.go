package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// withGroups is the version of the schema that added groups of instances.
const withGroups = 5

// errFreed says that a placement was refused for a claim that its holder has given up since: the request has
// to be repeated.
var errFreed = errors.New("the claim is free by now")

// keepsApart returns an error if the database does not keep strict groups apart yet, and a value needs that.
func (s *Store) keepsApart(ctx context.Context, db db, value any) error {
	if p, is := value.(catalog.Placement); !is || len(p.Claims()) == 0 || s.groups.Load() {
		return nil
	}
	_, err := db.Exec(ctx, `SELECT claims FROM novacron.placement LIMIT 0`)
	if sqlState(err) == undefinedColumn {
		return outdated(s.schemaVersion(), "strict groups of instances need", withGroups)
	}
	s.groups.Store(err == nil)
	return err
}

// holder returns the catalog.GroupError for a document of a placement that was refused for its claims.
func holder(ctx context.Context, db db, document string) error {
	var mine, theirs catalog.Placement
	if err := json.Unmarshal([]byte(document), &mine); err != nil {
		return err
	}
	var found string
	err := db.QueryRow(ctx, `
		SELECT document::text FROM novacron.placement WHERE key <> $1 AND NOT isempty(claims)
			AND claims && (novacron.claim($2::jsonb, 'value') + novacron.claim($2::jsonb, 'to_value'))
		ORDER BY key LIMIT 1`, mine.Key(), document).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return errFreed
	}
	if err == nil {
		err = json.Unmarshal([]byte(found), &theirs)
	}
	if err != nil {
		return fmt.Errorf("finding out which instance of group %q is in the way: %w", mine.Group, err)
	}
	if clash := mine.Clash(theirs); clash != nil {
		return clash
	}
	return errFreed
}
