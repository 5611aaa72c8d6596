package poolstore

import "github.com/novacron/terraform-provider-novacron/internal/catalog"

// apart returns a catalog.GroupError if another placement has a value of a strict group that a placement
// claims.
func (l *ledger) apart(p catalog.Placement) error {
	for _, claim := range p.Claims() {
		if holder, held := l.held[claim]; held && holder != p.Key() {
			return &catalog.GroupError{GroupClaim: claim, Holder: l.there[holder].Name}
		}
	}
	return nil
}

// put notes what the placement of a key becomes.
func (l *ledger) put(key string, p catalog.Placement) {
	for _, claim := range l.there[key].Claims() {
		if l.held[claim] == key {
			delete(l.held, claim)
		}
	}
	for _, claim := range p.Claims() {
		l.held[claim] = key
	}
	l.there[key] = p
}
