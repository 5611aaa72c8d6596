package poolstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// envelope is the first line of a document's volume. The body follows after the line break; what comes after the
// body (volumes may be rounded up to blocks) is ignored.
type envelope struct {
	Format int              `json:"novacron"` // of this layout: 2
	Kind   string           `json:"kind"`
	Key    string           `json:"key"`
	Number uint64           `json:"number"` // as in the volume's name
	ID     catalog.Revision `json:"id"`     // random: no other write has it, though numbers start again after a delete
	// Ancestors are the ids of the writes that this one builds on, newest first, a limited number of them. A writer
	// that finds its own id here knows that its write was seen, however late it looks.
	Ancestors []catalog.Revision `json:"ancestors,omitempty"`
	Deleted   bool               `json:"deleted,omitempty"`
	Pages     []pageMark         `json:"pages,omitempty"` // of the body, in their order
	Length    int                `json:"length"`          // of the body, bytes
	SHA256    string             `json:"sha256"`          // of the body, hex
}

const (
	envelopeFormat = 2
	// maxAncestors is how many writes may come after one that was slow, before its writer looks, for it to see for certain
	// that it counted. A document has many writers.
	maxAncestors = 64
)

// lineage is what a write that builds on e lists as its ancestors.
func (e envelope) lineage() []catalog.Revision {
	if e.ID == "" {
		return nil
	}
	ids := append([]catalog.Revision{e.ID}, e.Ancestors...)
	return ids[:min(len(ids), maxAncestors)]
}

// errTorn says that a volume holds no complete document: it is being written, its writer died, or it is none of ours.
var errTorn = errors.New("incomplete document")

// seal writes the document: the envelope's line, then the body. Format, Length and SHA256 are filled in.
func seal(e envelope, body []byte) ([]byte, error) {
	sum := sha256.Sum256(body)
	e.Format, e.Length, e.SHA256 = envelopeFormat, len(body), hex.EncodeToString(sum[:])
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return append(append(head, '\n'), body...), nil
}

// unseal reads a document; errTorn when it is not all there.
func unseal(data []byte) (envelope, []byte, error) {
	head, body, found := bytes.Cut(data, []byte{'\n'})
	var e envelope
	if !found || json.Unmarshal(head, &e) != nil || e.Format <= 0 || e.ID == "" {
		return envelope{}, nil, errTorn
	}
	if e.Format != envelopeFormat {
		return e, nil, fmt.Errorf("document format %d is not known here, but %d is: it was written by another release of this "+
			"provider, which has to be used from now on", e.Format, envelopeFormat)
	}
	if e.Length < 0 || len(body) < e.Length {
		return e, nil, errTorn
	}
	body = body[:e.Length]
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != e.SHA256 {
		return e, nil, errTorn
	}
	return e, body, nil
}
