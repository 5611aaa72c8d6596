package poolstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A volume that is there and cannot be read is an error: it is never taken for a document that is not there. Where only
// newer revisions are damaged, the older one is read in their place by callers who say so (catalog.StandIns), and for
// records that it has. Nothing is written on top of it, which would lose what the damaged revision had: see repair.go.

// brokenVolume says that a volume is damaged.
type brokenVolume struct {
	name string
	sum  [32]byte // SHA-256 of what it holds
	why  error    // errBroken, wrapped
	// unmarked says that it may as well be a claim whose writer died, of a release that did not mark claims.
	unmarked bool
}

func (b *brokenVolume) Error() string { return fmt.Sprintf("volume %q is %v", b.name, b.why) }

func (b *brokenVolume) Unwrap() error { return b.why }

// damagedError says that revisions of a document are damaged.
type damagedError struct {
	pool   string
	uri    string          // of its host; "" where that is not known
	broken []*brokenVolume // newest first
	whole  string          // the volume of the newest revision that is whole; "" where there is none
}

func (s *Store) damage(broken []*brokenVolume, whole string) *damagedError {
	e := &damagedError{pool: s.pool, broken: broken, whole: whole}
	if host, is := s.volumes.(interface{ URI() string }); is {
		e.uri = host.URI()
	}
	return e
}

func (e *damagedError) Error() string {
	command := "`" + e.repair()
	if e.whole == "" {
		return fmt.Sprintf("%s. No revision of the document is whole, so nothing was changed. %s` says how to go on", e.volumes(), command)
	}
	return fmt.Sprintf("%s. Nothing was changed. The revision in volume %q is whole: restore it with %s --yes`", e.volumes(), e.whole, command)
}

func (e *damagedError) Unwrap() error { return catalog.ErrDamaged }

// repair is the command that looks at the pool's documents.
func (e *damagedError) repair() string {
	command := "terraform-provider-novacron catalog repair --pool " + e.pool
	if e.uri != "" {
		command += " --uri '" + e.uri + "'"
	}
	return command
}

// volumes names the damaged volumes, with what is wrong with each.
func (e *damagedError) volumes() string {
	var each []string
	for _, b := range e.broken {
		each = append(each, b.Error())
	}
	return strings.Join(each, "; ")
}

// standIn describes an older revision that is read in place of the damaged.
func (e *damagedError) standIn() catalog.StandIn {
	return catalog.StandIn{Damaged: e.broken[0].name, Detail: fmt.Sprintf("In pool %q, %s. The older revision in volume "+
		"%q was read in its place. It lacks the last change. Until it is restored, nothing is written to it or created "+
		"from it. Restore it with `%s --yes`.",
		e.pool, e.volumes(), e.whole, e.repair())}
}

// mayStandIn tells whether an older revision may be read where newer ones are damaged, which is noted; else it is the
// damage. nil where there is none.
func mayStandIn(ctx context.Context, damage error) error {
	if e, is := errors.AsType[*damagedError](damage); is && catalog.NoteStandIn(ctx, e.standIn()) {
		return nil
	}
	return damage
}

// readSurely is read, but what looks damaged may be a write that goes on while it is read, also one of a release that
// does not mark its claims: it is read again until it has looked the same for the grace time.
func (s *Store) readSurely(ctx context.Context, docStem string, number uint64) (document, error) {
	for since := time.Now(); ; {
		doc, err := s.read(ctx, docStem, number)
		b, broken := errors.AsType[*brokenVolume](err)
		if !broken || s.knownBroken(b) {
			return doc, err
		}
		if time.Since(since) > s.grace {
			s.noteBroken(b)
			return doc, err
		}
		if err := pause(ctx, s.grace/50); err != nil {
			return doc, err
		}
	}
}

// knownBroken tells whether the volume has been like that for the grace time.
func (s *Store) knownBroken(b *brokenVolume) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, known := s.broken[b.name]
	return known && sum == b.sum
}

func (s *Store) noteBroken(b *brokenVolume) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[b.name] = b.sum
}
