package poolstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// A volume that exists but cannot be read is an error. The store never takes it for a missing
// document. If only newer revisions are damaged, callers that opt in (catalog.StandIns) read the
// older revision instead, for the records that it has. The store writes nothing on top of it,
// because that would lose the contents of the damaged revision: see repair.go.

// brokenVolume is a damaged volume.
type brokenVolume struct {
	name string
	sum  [32]byte // SHA-256 of its content
	why  error    // errBroken, wrapped
	// unmarked says that the volume may as well be a claim whose writer died, from a release that did
	// not mark claims.
	unmarked bool
}

func (b *brokenVolume) Error() string { return fmt.Sprintf("volume %q is %v", b.name, b.why) }

func (b *brokenVolume) Unwrap() error { return b.why }

// damagedError says that revisions of a document are damaged.
type damagedError struct {
	pool   string
	uri    string          // of its host; "" if it is not known
	broken []*brokenVolume // newest first
	whole  string          // the volume of the newest whole revision; "" for none
}

func (r *reader) damage(broken []*brokenVolume, whole string) *damagedError {
	e := &damagedError{pool: r.pool.name, broken: broken, whole: whole}
	if host, is := r.pool.volumes.(interface{ URI() string }); is {
		e.uri = host.URI()
	}
	return e
}

func (e *damagedError) Error() string {
	command := "`" + e.repair()
	if e.whole == "" {
		return fmt.Sprintf("%s. No revision of the document is whole, so nothing was changed. %s` says how to go on",
			e.volumes(), command)
	}
	return fmt.Sprintf("%s. Nothing was changed. The revision in volume %q is whole: restore it with %s --yes`",
		e.volumes(), e.whole, command)
}

func (e *damagedError) Unwrap() error { return catalog.ErrDamaged }

// repair returns the command that examines the pool's documents.
func (e *damagedError) repair() string {
	command := "terraform-provider-novacron catalog repair --pool " + e.pool
	if e.uri != "" {
		command += " --uri '" + e.uri + "'"
	}
	return command
}

// volumes names the damaged volumes and says what is wrong with each.
func (e *damagedError) volumes() string {
	var each []string
	for _, b := range e.broken {
		each = append(each, b.Error())
	}
	return strings.Join(each, "; ")
}

// standIn describes an older revision that is read in place of the damaged one.
func (e *damagedError) standIn() catalog.StandIn {
	return catalog.StandIn{Damaged: e.broken[0].name,
		Detail: fmt.Sprintf("In pool %q, %s. The older revision in volume "+
			"%q was read in its place. It lacks the last change. Until it is restored, nothing is written to "+
			"it or created from it. Restore it with `%s --yes`.",
			e.pool, e.volumes(), e.whole, e.repair())}
}

// mayStandIn returns nil if there is no damage, or if the caller lets an older revision stand in
// for damaged newer ones, which it then notes. Otherwise it returns the damage.
func mayStandIn(ctx context.Context, damage error) error {
	if e, is := errors.AsType[*damagedError](damage); is && catalog.NoteStandIn(ctx, e.standIn()) {
		return nil
	}
	return damage
}

// readSurely is like read, but allows for a write that is in progress and looks like damage, also
// one of a release that does not mark its claims: it reads again until the volume has looked the
// same for the grace time.
func (r *reader) readSurely(ctx context.Context, docStem string, number uint64) (document, error) {
	for since := time.Now(); ; {
		doc, err := r.read(ctx, docStem, number)
		b, broken := errors.AsType[*brokenVolume](err)
		if !broken || r.knownBroken(b) {
			return doc, err
		}
		if time.Since(since) > r.pool.grace {
			r.noteBroken(b)
			return doc, err
		}
		if err := pause(ctx, r.pool.grace/50); err != nil {
			return doc, err
		}
	}
}

// knownBroken reports whether the volume has been damaged in this way for the grace time.
func (r *reader) knownBroken(b *brokenVolume) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum, known := r.broken[b.name]
	return known && sum == b.sum
}

func (r *reader) noteBroken(b *brokenVolume) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken[b.name] = b.sum
}
